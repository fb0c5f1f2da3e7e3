// The events of jobs, for any number of readers: the recent ones of living jobs are held in memory once for all, older
// ones are read from the store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/jobs/store/job_store.h"

namespace circuitd {

// Not thread-safe.
class EventLog {
 public:
  // Holds at most `held_per_job` events of a job, and fewer where their payloads are over `held_bytes`, but at least
  // one; no page has more bytes, but that of its last event. The store outlives the log.
  explicit EventLog(const JobStore& store, size_t held_per_job = 256, size_t held_bytes = size_t{4} << 20)
      : store_(store), held_per_job_(held_per_job), held_bytes_(held_bytes) {}

  // An event that the store has, the next one of its job; the job's progress is `progress`.
  void Append(absl::string_view id, JobEvent event, std::string progress);
  // Nothing is held of the job any more: it has ended, or is gone.
  void Release(absl::string_view id) { held_.erase(std::string(id)); }

  struct Page {
    std::vector<std::shared_ptr<const JobEvent>> events;
    // The job's, if the last of these events is the newest there is and has a payload: a reader that lags behind is
    // told of every event, and only once how far the job is.
    std::string progress;
  };
  // Events after the sequence number `after`, at most `limit`, in order; at least one if there is any. The store's
  // errors.
  absl::StatusOr<Page> After(absl::string_view id, uint64_t after, size_t limit) const;

 private:
  struct Recent {
    std::deque<std::shared_ptr<const JobEvent>> events;  // at least one
    size_t bytes = 0;                                    // of their payloads
    std::string progress;
  };

  const JobStore& store_;
  const size_t held_per_job_;
  const size_t held_bytes_;
  std::map<std::string, Recent> held_;
};

}  // namespace circuitd
