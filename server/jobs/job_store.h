// Where jobs are kept: records, events and artifacts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/jobs/store/job.h"

namespace circuitd {

// Not thread-safe: the JobManager calls it under its lock. Ids that are not there are NOT_FOUND.
class JobStore {
 public:
  virtual ~JobStore() = default;

  // Inserts or replaces a record.
  virtual absl::Status Put(const JobRecord& record) = 0;
  virtual absl::StatusOr<JobRecord> Get(absl::string_view id) const = 0;
  // Everything there is, oldest first.
  virtual std::vector<JobRecord> List() const = 0;
  // With its events and artifacts.
  virtual absl::Status Delete(absl::string_view id) = 0;

  virtual absl::Status AppendEvent(absl::string_view id, JobEvent event) = 0;
  // Events after the sequence number `after`, at most `limit`, in order.
  virtual absl::StatusOr<std::vector<JobEvent>> Events(absl::string_view id, uint64_t after, size_t limit) const = 0;

  virtual absl::Status PutArtifact(absl::string_view id, ArtifactFile file) = 0;
  // The bytes; shared, so that a download does not hold the store.
  virtual absl::StatusOr<std::shared_ptr<const std::string>> GetArtifact(absl::string_view id,
                                                                         absl::string_view name) const = 0;
};

// Keeps everything in memory.
std::unique_ptr<JobStore> NewMemoryJobStore();

}  // namespace circuitd
