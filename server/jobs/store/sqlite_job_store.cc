#include "server/jobs/store/sqlite_job_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/jobs/store/job_database.h"
#include "server/jobs/store/job_row.h"
#include "server/jobs/store/sqlite_database.h"

namespace circuitd {
namespace {

// What is not in its log.
int64_t ResultBytes(const JobRecord& record) {
  int64_t bytes = record.progress.size() + record.result.size();
  for (const ArtifactInfo& artifact : record.artifacts) bytes += artifact.size_bytes;
  return bytes;
}

}  // namespace

absl::Status SqliteJobStore::CheckIsNew(const JobRecord& record) const {
  const absl::StatusOr<int64_t> number = NumberOf(record.id);
  if (number.ok()) return absl::AlreadyExistsError(absl::StrCat("there is a job already: ", record.id));
  if (!absl::IsNotFound(number.status())) return number.status();
  ASSIGN_OR_RETURN(const std::optional<JobRecord> same, FindRequest(record.owner, record.request_id));
  if (!same) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat("there is a job of that request already: ", same->id));
}

absl::Status SqliteJobStore::InsertEvent(int64_t number, const JobEvent& event) {
  SqliteQuery query =
      database_->Query("INSERT INTO events (job, sequence, time, state, payload) VALUES (?, ?, ?, ?, ?)");
  query.Int(number);
  BindEvent(event, query);
  return query.Run();
}

absl::Status SqliteJobStore::InsertArtifacts(int64_t number, const std::vector<ArtifactInfo>& artifacts) {
  for (size_t i = 0; i < artifacts.size(); ++i) {
    SqliteQuery query = database_->Query(
        "INSERT INTO artifacts (job, position, name, media_type, sha256, size) VALUES (?, ?, ?, ?, ?, ?)");
    query.Int(number).Int(i);
    BindArtifact(artifacts[i], query);
    RETURN_IF_ERROR(query.Run());
  }
  return absl::OkStatus();
}

absl::Status SqliteJobStore::Insert(JobRecord& record, const std::vector<JobEvent>& events, absl::string_view input) {
  int64_t log_bytes = record.spec.size();
  for (size_t i = 0; i < events.size(); ++i) {
    if (events[i].sequence != i + 1) return absl::InternalError("a job's events are not numbered from 1");
    log_bytes += events[i].payload.size();
  }
  if (record.last_sequence != events.size()) return absl::InternalError("a job's events are not all there");
  int64_t number = 0;
  RETURN_IF_ERROR(database_->Transact(Durability::kPowerCut, [&]() -> absl::Status {
    RETURN_IF_ERROR(CheckIsNew(record));
    {
      SqliteQuery query = database_->Query(
          "INSERT INTO jobs (id, owner, request_id, request_fingerprint, device, result_key, same_as, priority, "
          "deadline, cancel_unwatched, micro_batch_prompts, estimate, created, state, started, ended, last_sequence, "
          "progress, error_code, error_message, result, log_bytes, bytes) "
          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
      query.Bytes(record.id).Bytes(record.owner).Bytes(record.request_id);
      BindConstants(record, query);
      BindChanging(record, query);
      RETURN_IF_ERROR(query.Int(log_bytes).Int(log_bytes + ResultBytes(record)).Run());
    }
    number = database_->last_key();
    RETURN_IF_ERROR(
        database_->Query("INSERT INTO specs (job, spec) VALUES (?, ?)").Int(number).Bytes(record.spec).Run());
    if (!HasEnded(record.state)) {
      RETURN_IF_ERROR(database_->Query("INSERT INTO inputs (job, input) VALUES (?, ?)").Int(number).Bytes(input).Run());
    }
    for (const JobEvent& event : events) RETURN_IF_ERROR(InsertEvent(number, event));
    return InsertArtifacts(number, record.artifacts);
  }));
  record.number = number;
  return absl::OkStatus();
}

absl::Status SqliteJobStore::Update(const JobRecord& record, const JobEvent& event) {
  if (event.sequence != record.last_sequence) return absl::InternalError("an event is not its job's last");
  return database_->Transact(event.state ? Durability::kPowerCut : Durability::kKilledProcess, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const int64_t number, NumberOf(record.id));
    {
      SqliteQuery query = database_->Query(
          "UPDATE jobs SET state = ?, started = ?, ended = ?, last_sequence = ?, progress = ?, error_code = ?, "
          "error_message = ?, result = ?, log_bytes = log_bytes + ?9, bytes = log_bytes + ?9 + ?10 "
          "WHERE number = ?11 AND last_sequence = ?4 - 1");
      BindChanging(record, query);
      RETURN_IF_ERROR(query.Int(event.payload.size()).Int(ResultBytes(record)).Int(number).Run());
    }
    if (database_->changes() == 0) {
      return absl::InternalError(absl::StrCat("event ", event.sequence, " of job ", record.id, " is not its next"));
    }
    RETURN_IF_ERROR(DeleteOf(number, "DELETE FROM artifacts WHERE job = ?"));
    RETURN_IF_ERROR(InsertArtifacts(number, record.artifacts));
    if (HasEnded(record.state)) RETURN_IF_ERROR(DeleteOf(number, "DELETE FROM inputs WHERE job = ?"));
    return InsertEvent(number, event);
  });
}

absl::Status SqliteJobStore::DeleteOf(int64_t number, absl::string_view statement) {
  return database_->Query(statement).Int(number).Run();
}

absl::Status SqliteJobStore::DeleteRows(absl::string_view id) {
  return database_->Transact(Durability::kPowerCut, [&]() -> absl::Status {
    ASSIGN_OR_RETURN(const int64_t number, NumberOf(id));
    for (const char* statement :
         {"DELETE FROM events WHERE job = ?", "DELETE FROM artifacts WHERE job = ?", "DELETE FROM inputs WHERE job = ?",
          "DELETE FROM specs WHERE job = ?", "DELETE FROM jobs WHERE number = ?"}) {
      RETURN_IF_ERROR(DeleteOf(number, statement));
    }
    return absl::OkStatus();
  });
}

absl::Status SqliteJobStore::Delete(absl::string_view id) {
  absl::Status deleted = DeleteRows(id);
  if (absl::IsResourceExhausted(deleted)) {
    // Deleting must go on where nothing else does: what the write-ahead log holds goes into the file, if there is room,
    // and then its room is free again.
    database_->Execute("PRAGMA wal_checkpoint(RESTART)").IgnoreError();
    deleted = DeleteRows(id);
  }
  RETURN_IF_ERROR(deleted);
  GiveBackFreePages();
  return absl::OkStatus();
}

void SqliteJobStore::GiveBackFreePages() {
  // At most 4 MiB at a time, which is more than a usual job has: what is left is for the next one, or is used again. If
  // it can't be done, nothing is lost.
  database_
      ->Transact(Durability::kKilledProcess, [this] { return database_->Execute("PRAGMA incremental_vacuum(1024)"); })
      .IgnoreError();
}

absl::StatusOr<std::unique_ptr<JobStore>> OpenSqliteJobStore(const std::string& path) {
  ASSIGN_OR_RETURN(std::unique_ptr<SqliteDatabase> database, OpenJobDatabase(path));
  return std::make_unique<SqliteJobStore>(std::move(database));
}

}  // namespace circuitd
