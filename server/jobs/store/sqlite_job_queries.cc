// SqliteJobStore: what is only read.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/jobs/store/job_row.h"
#include "server/jobs/store/sqlite_job_store.h"

namespace circuitd {
namespace {

absl::Status NotFound(absl::string_view id) { return absl::NotFoundError(absl::StrCat("no such job: ", id)); }

int64_t Clamped(uint64_t value) { return std::min<uint64_t>(value, std::numeric_limits<int64_t>::max()); }

}  // namespace

absl::StatusOr<int64_t> SqliteJobStore::NumberOf(absl::string_view id) const {
  SqliteQuery query = database_->Query("SELECT number FROM jobs WHERE id = ?");
  ASSIGN_OR_RETURN(const bool found, query.Bytes(id).Step());
  if (!found) return NotFound(id);
  return query.IntAt(0);
}

absl::StatusOr<std::vector<JobRecord>> SqliteJobStore::Records(SqliteQuery& query, size_t max_bytes) const {
  std::vector<JobRecord> records;
  size_t bytes = 0;
  while (bytes <= max_bytes) {
    if (!records.empty()) bytes += records.back().spec.size() + records.back().result.size();
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return records;
    ASSIGN_OR_RETURN(JobRecord record, ReadRecord(*database_, query));
    SqliteQuery artifacts =
        database_->Query("SELECT name, media_type, sha256, size FROM artifacts WHERE job = ? ORDER BY position");
    artifacts.Int(record.number);
    while (true) {
      ASSIGN_OR_RETURN(const bool artifact, artifacts.Step());
      if (!artifact) break;
      record.artifacts.push_back(ReadArtifact(artifacts));
    }
    records.push_back(std::move(record));
  }
  return records;
}

absl::StatusOr<std::optional<JobRecord>> SqliteJobStore::FirstRecord(SqliteQuery& query) const {
  ASSIGN_OR_RETURN(std::vector<JobRecord> records, Records(query));
  if (records.empty()) return std::nullopt;
  return std::move(records.front());
}

absl::StatusOr<JobRecord> SqliteJobStore::Get(absl::string_view id) const {
  SqliteQuery query = database_->Query(absl::StrCat(kSelectRecords, "WHERE id = ?"));
  ASSIGN_OR_RETURN(std::optional<JobRecord> record, FirstRecord(query.Bytes(id)));
  if (!record) return NotFound(id);
  return *std::move(record);
}

absl::StatusOr<std::string> SqliteJobStore::Input(absl::string_view id) const {
  ASSIGN_OR_RETURN(const int64_t number, NumberOf(id));
  SqliteQuery query = database_->Query("SELECT input FROM inputs WHERE job = ?");
  ASSIGN_OR_RETURN(const bool found, query.Int(number).Step());
  if (!found) return absl::NotFoundError(absl::StrCat("the input of a job that has ended is forgotten: ", id));
  return query.BytesAt(0);
}

absl::StatusOr<std::vector<JobRecord>> SqliteJobStore::List(const JobFilter& filter) const {
  if (filter.states.empty() && !filter.owner) {
    SqliteQuery query = database_->Query(absl::StrCat(kSelectRecords, "WHERE number < ? ORDER BY number DESC LIMIT ?"));
    return Records(query.Int(Clamped(filter.before_number)).Int(Clamped(filter.limit)), filter.max_bytes);
  }
  // The index alone says which jobs are meant; only their rows, which can be long, are read.
  SqliteQuery query = database_->Query(absl::StrCat(
      kSelectRecords, "WHERE number IN (SELECT number FROM jobs INDEXED BY jobs_by_state WHERE number < ? ",
      filter.owner ? "AND owner = ? " : "",
      "AND state IN (?, ?, ?, ?, ?) ORDER BY number DESC LIMIT ?) ORDER BY number DESC"));
  query.Int(Clamped(filter.before_number));
  if (filter.owner) query.Bytes(*filter.owner);
  // A place for each state, so that there are few statements to keep; NULL is in none.
  for (const JobState state : kJobStates) {
    const bool wanted =
        filter.states.empty() || std::find(filter.states.begin(), filter.states.end(), state) != filter.states.end();
    wanted ? query.Text(JobStateName(state)) : query.Null();
  }
  return Records(query.Int(Clamped(filter.limit)), filter.max_bytes);
}

absl::StatusOr<std::optional<JobRecord>> SqliteJobStore::FindRequest(absl::string_view owner,
                                                                     absl::string_view request_id) const {
  // That it is not empty is said in the index's words, or it would not be used.
  SqliteQuery query =
      database_->Query(absl::StrCat(kSelectRecords, "WHERE owner = ? AND request_id = ? AND request_id != x''"));
  return FirstRecord(query.Bytes(owner).Bytes(request_id));
}

absl::StatusOr<std::optional<JobRecord>> SqliteJobStore::FindResult(absl::string_view result_key) const {
  if (result_key.empty()) return std::nullopt;
  SqliteQuery query =
      database_->Query(absl::StrCat(kSelectRecords,
                                    "WHERE number = (SELECT max(number) FROM jobs INDEXED BY jobs_by_result "
                                    "WHERE result_key = ? AND state = 'succeeded')"));
  return FirstRecord(query.Bytes(result_key));
}

absl::StatusOr<std::vector<JobEvent>> SqliteJobStore::Events(absl::string_view id, uint64_t after,
                                                             EventLimit limit) const {
  ASSIGN_OR_RETURN(const int64_t number, NumberOf(id));
  SqliteQuery query = database_->Query(
      "SELECT sequence, time, state, payload FROM events WHERE job = ? AND sequence > ? ORDER BY sequence LIMIT ?");
  query.Int(number).Int(Clamped(after)).Int(Clamped(limit.events));
  std::vector<JobEvent> events;
  size_t bytes = 0;
  while (bytes <= limit.bytes) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row) return events;
    ASSIGN_OR_RETURN(JobEvent event, ReadEvent(*database_, query));
    bytes += event.payload.size();
    events.push_back(std::move(event));
  }
  return events;
}

absl::StatusOr<bool> SqliteJobStore::IsArtifactUsed(absl::string_view sha256) const {
  SqliteQuery query = database_->Query("SELECT 1 FROM artifacts WHERE sha256 = ? LIMIT 1");
  return query.Bytes(sha256).Step();
}

absl::StatusOr<std::vector<std::string>> SqliteJobStore::Expired(absl::Time ended_before, int64_t max_bytes) const {
  constexpr char kEnded[] = "FROM jobs INDEXED BY jobs_by_end WHERE state IN ('succeeded', 'failed', 'cancelled')";
  int64_t bytes = 0;
  {
    SqliteQuery query = database_->Query(absl::StrCat("SELECT coalesce(sum(bytes), 0) ", kEnded));
    RETURN_IF_ERROR(query.Step().status());
    bytes = query.IntAt(0);
  }
  SqliteQuery query = database_->Query(absl::StrCat("SELECT id, bytes, ended < ? ", kEnded, " ORDER BY ended, number"));
  BindTime(ended_before, absl::InfinitePast(), query);
  std::vector<std::string> expired;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, query.Step());
    if (!row || (bytes <= max_bytes && query.IntAt(2) == 0)) return expired;
    expired.push_back(query.BytesAt(0));
    bytes -= query.IntAt(1);
  }
}

}  // namespace circuitd
