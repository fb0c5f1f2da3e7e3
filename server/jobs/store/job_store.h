// Where jobs are kept: records with their events. Artifacts lie beside it, see artifact_folder.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/jobs/store/job.h"

namespace circuitd {

// Which jobs to list.
struct JobFilter {
  std::vector<JobState> states = {};                             // none: all
  std::optional<std::string> owner = std::nullopt;               // none: everybody's
  uint64_t before_number = std::numeric_limits<int64_t>::max();  // older ones
  // No more are listed once the specs and results of those before the last one are over it.
  size_t max_bytes = std::numeric_limits<int64_t>::max();
  size_t limit = std::numeric_limits<int64_t>::max();
};

// How many events to read: no more once the payloads of those before are over `bytes`, so at least one.
struct EventLimit {
  // NOLINTNEXTLINE(google-explicit-constructor): a number is a number of events.
  EventLimit(size_t events, size_t bytes = std::numeric_limits<size_t>::max()) : events(events), bytes(bytes) {}
  size_t events;
  size_t bytes;
};

// Every change is made wholly or not at all, and what was answered OK is there after the process was killed at any
// moment. Errors: NOT_FOUND for ids that are not there; RESOURCE_EXHAUSTED when the disk is full, DATA_LOSS when what
// is stored is damaged, INTERNAL for everything else; nothing has changed then. Not thread-safe: the JobManager calls
// it under its lock.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // Adds a job with its first events, numbered from 1 to record.last_sequence, and what it needs to run. Sets
  // record.number. ALREADY_EXISTS if there is one with the same id, or the same owner and request_id.
  virtual absl::Status Insert(JobRecord& record, const std::vector<JobEvent>& events, absl::string_view input) = 0;
  // Stores what changes of a record, and the event that has changed it, whose sequence is record.last_sequence. The
  // input of a job that has ended is forgotten.
  virtual absl::Status Update(const JobRecord& record, const JobEvent& event) = 0;
  // With its events.
  virtual absl::Status Delete(absl::string_view id) = 0;

  virtual absl::StatusOr<JobRecord> Get(absl::string_view id) const = 0;
  virtual absl::StatusOr<std::string> Input(absl::string_view id) const = 0;
  // Newest first.
  virtual absl::StatusOr<std::vector<JobRecord>> List(const JobFilter& filter) const = 0;
  // Of an earlier submit; never of an empty request_id.
  virtual absl::StatusOr<std::optional<JobRecord>> FindRequest(absl::string_view owner,
                                                               absl::string_view request_id) const = 0;
  // The newest job that has succeeded with that key; never for an empty one.
  virtual absl::StatusOr<std::optional<JobRecord>> FindResult(absl::string_view result_key) const = 0;
  // Events after the sequence number `after`, in order.
  virtual absl::StatusOr<std::vector<JobEvent>> Events(absl::string_view id, uint64_t after,
                                                       EventLimit limit) const = 0;

  // Whether a job has an artifact with these bytes.
  virtual absl::StatusOr<bool> IsArtifactUsed(absl::string_view sha256) const = 0;
  // Ended jobs to be forgotten, oldest end first: those that ended before `ended_before`, and as many of the oldest as
  // it takes for all ended jobs' bytes (spec, result, events, artifacts) to be at most `max_bytes`.
  virtual absl::StatusOr<std::vector<std::string>> Expired(absl::Time ended_before, int64_t max_bytes) const = 0;
};

}  // namespace circuitd
