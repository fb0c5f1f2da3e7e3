// One watcher's place in a job's events.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/jobs/store/job.h"

namespace circuitd {

class JobManager;
class Watcher;
struct JobView;

// Used by one thread at a time.
class JobWatch {
 public:
  struct Item {
    enum class Kind { kJob, kEvent, kNothingYet, kEnd };
    Kind kind = Kind::kEnd;
    std::shared_ptr<const JobView> job;
    std::shared_ptr<const JobEvent> event;
    // The job's, with the newest event that there is: a reader that lags behind is told of every event, and only once
    // how far the job is.
    std::string progress;
  };

  // Ends the watch. Not to be called from `on_change`.
  ~JobWatch();
  JobWatch(const JobWatch&) = delete;
  JobWatch& operator=(const JobWatch&) = delete;

  // The job as it is now; then the events, each once and in order; after the terminal one the job again; then kEnd.
  // kNothingYet: on_change will be called. UNAVAILABLE once there is nothing more to come in this server's life.
  absl::StatusOr<Item> Next();

 private:
  friend class JobManager;
  JobWatch(JobManager& manager, std::string id, uint64_t after, std::shared_ptr<Watcher> watcher);

  // Reads ahead; OK also if nothing is there yet.
  absl::Status Read();

  enum class Stage { kFirst, kEvents, kLast, kDone };
  JobManager& manager_;
  const std::string id_;
  const std::shared_ptr<Watcher> watcher_;
  uint64_t sent_;
  Stage stage_ = Stage::kFirst;
  std::deque<std::shared_ptr<const JobEvent>> read_;
  std::string progress_;  // for the last event that was read
};

}  // namespace circuitd
