#include "server/jobs/store/job_row.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

absl::Time TimeAt(const SqliteQuery& row, int column, absl::Time absent) {
  if (row.IsNullAt(column)) return absent;
  const int64_t nanoseconds = row.IntAt(column);
  if (nanoseconds == kMin) return absl::InfinitePast();
  if (nanoseconds == kMax) return absl::InfiniteFuture();
  return absl::FromUnixNanos(nanoseconds);
}

absl::Duration DurationAt(const SqliteQuery& row, int column) {
  const int64_t nanoseconds = row.IntAt(column);
  if (nanoseconds == kMin) return -absl::InfiniteDuration();
  if (nanoseconds == kMax) return absl::InfiniteDuration();
  return absl::Nanoseconds(nanoseconds);
}

absl::StatusOr<JobState> StateAt(const SqliteDatabase& database, const SqliteQuery& row, int column) {
  const std::string name = row.BytesAt(column);
  for (const JobState state : kJobStates) {
    if (name == JobStateName(state)) return state;
  }
  return database.DataLoss("a job is in no state that there is");
}

}  // namespace

absl::StatusOr<JobRecord> ReadRecord(const SqliteDatabase& database, const SqliteQuery& row) {
  JobRecord record;
  int column = 0;
  record.number = row.IntAt(column++);
  record.id = row.BytesAt(column++);
  record.owner = row.BytesAt(column++);
  record.request_id = row.BytesAt(column++);
  record.request_fingerprint = row.BytesAt(column++);
  record.device = row.BytesAt(column++);
  record.spec = row.BytesAt(column++);
  record.result_key = row.BytesAt(column++);
  record.same_as = row.BytesAt(column++);
  record.priority = static_cast<int>(row.IntAt(column++));
  record.deadline = TimeAt(row, column++, absl::InfiniteFuture());
  record.cancel_unwatched = row.IntAt(column++) != 0;
  record.micro_batch_prompts = row.IntAt(column++);
  record.estimate = DurationAt(row, column++);
  record.created = TimeAt(row, column++, absl::InfinitePast());
  ASSIGN_OR_RETURN(record.state, StateAt(database, row, column++));
  record.started = TimeAt(row, column++, absl::InfinitePast());
  record.ended = TimeAt(row, column++, absl::InfinitePast());
  record.last_sequence = row.IntAt(column++);
  record.progress = row.BytesAt(column++);
  const auto code = static_cast<absl::StatusCode>(row.IntAt(column++));
  record.error = absl::Status(code, row.BytesAt(column++));
  record.result = row.BytesAt(column++);
  return record;
}

void BindConstants(const JobRecord& record, SqliteQuery& query) {
  query.Bytes(record.request_fingerprint).Bytes(record.device).Bytes(record.result_key).Bytes(record.same_as);
  query.Int(record.priority);
  BindTime(record.deadline, absl::InfiniteFuture(), query);
  query.Int(record.cancel_unwatched).Int(record.micro_batch_prompts);
  query.Int(absl::ToInt64Nanoseconds(record.estimate));
  BindTime(record.created, absl::InfinitePast(), query);
}

void BindChanging(const JobRecord& record, SqliteQuery& query) {
  query.Text(JobStateName(record.state));
  BindTime(record.started, absl::InfinitePast(), query);
  BindTime(record.ended, absl::InfinitePast(), query);
  query.Int(record.last_sequence).Bytes(record.progress);
  query.Int(record.error.raw_code()).Bytes(record.error.message()).Bytes(record.result);
}

absl::StatusOr<JobEvent> ReadEvent(const SqliteDatabase& database, const SqliteQuery& row) {
  JobEvent event;
  event.sequence = row.IntAt(0);
  event.time = TimeAt(row, 1, absl::InfinitePast());
  if (!row.IsNullAt(2)) {
    ASSIGN_OR_RETURN(event.state, StateAt(database, row, 2));
  }
  event.payload = row.BytesAt(3);
  return event;
}

void BindEvent(const JobEvent& event, SqliteQuery& query) {
  query.Int(event.sequence);
  BindTime(event.time, absl::InfinitePast(), query);
  event.state ? query.Text(JobStateName(*event.state)) : query.Null();
  query.Bytes(event.payload);
}

ArtifactInfo ReadArtifact(const SqliteQuery& row) {
  return {.name = row.BytesAt(0), .media_type = row.BytesAt(1), .sha256 = row.BytesAt(2), .size_bytes = row.IntAt(3)};
}

void BindArtifact(const ArtifactInfo& artifact, SqliteQuery& query) {
  query.Bytes(artifact.name).Bytes(artifact.media_type).Bytes(artifact.sha256).Int(artifact.size_bytes);
}

void BindTime(absl::Time time, absl::Time absent, SqliteQuery& query) {
  time == absent ? query.Null() : query.Int(absl::ToUnixNanos(time));
}

}  // namespace circuitd
