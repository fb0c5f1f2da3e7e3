// Records, events and artifacts as rows of the tables that job_database.h makes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/jobs/store/job.h"
#include "server/jobs/store/sqlite_database.h"

namespace circuitd {

inline constexpr std::array kJobStates = {JobState::kQueued, JobState::kRunning, JobState::kSucceeded,
                                          JobState::kFailed, JobState::kCancelled};

// What a query that ReadRecord reads begins with; conditions on columns of jobs follow.
inline constexpr char kSelectRecords[] =
    "SELECT number, id, owner, request_id, request_fingerprint, device, spec, result_key, same_as, priority, deadline, "
    "cancel_unwatched, micro_batch_prompts, estimate, created, state, started, ended, last_sequence, progress, "
    "error_code, error_message, result FROM jobs JOIN specs ON specs.job = jobs.number ";

// A row without its artifacts. DATA_LOSS if it has a state that there is not.
absl::StatusOr<JobRecord> ReadRecord(const SqliteDatabase& database, const SqliteQuery& row);

// Columns of jobs in this order: request_fingerprint, device, result_key, same_as, priority, deadline,
// cancel_unwatched, micro_batch_prompts, estimate, created.
void BindConstants(const JobRecord& record, SqliteQuery& query);
// state, started, ended, last_sequence, progress, error_code, error_message, result. `record` must stay where it is.
void BindChanging(const JobRecord& record, SqliteQuery& query);

// Columns sequence, time, state, payload.
absl::StatusOr<JobEvent> ReadEvent(const SqliteDatabase& database, const SqliteQuery& row);
void BindEvent(const JobEvent& event, SqliteQuery& query);

// Columns name, media_type, sha256, size.
ArtifactInfo ReadArtifact(const SqliteQuery& row);
void BindArtifact(const ArtifactInfo& artifact, SqliteQuery& query);

// Nanoseconds since 1970, or NULL for `absent`. Times before 1678 and after 2261 become infinite.
void BindTime(absl::Time time, absl::Time absent, SqliteQuery& query);

}  // namespace circuitd
