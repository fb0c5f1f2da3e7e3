// A JobManager whose jobs run when the test says so.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "server/jobs/job_manager.h"

namespace circuitd {

inline JobOutcome Result(std::string result) { return JobOutcome{std::move(result), {}}; }

inline JobRequest RequestOf(JobBody body) {
  JobRequest request;
  request.owner = "ann";
  request.device = "cpu";
  request.spec = "spec";
  request.body = std::move(body);
  return request;
}

inline JobRequest TrivialRequest() {
  return RequestOf([](JobContext&) -> absl::StatusOr<JobOutcome> { return Result("done"); });
}

// A job that waits at its checkpoint again and again until it is told to stop.
inline JobRequest EndlessRequest(std::promise<void>& began) {
  return RequestOf([&began](JobContext& context) -> absl::StatusOr<JobOutcome> {
    began.set_value();
    for (;;) {
      if (absl::Status status = context.Checkpoint(); !status.ok()) return status;
      std::this_thread::yield();
    }
  });
}

class JobRig {
 public:
  explicit JobRig(JobManager::Options options = {})
      : manager(options, NewMemoryJobStore(),
                {[this](const std::string& device) { woken.push_back(device); },
                 [this](const JobRecord& record) {
                   MutexLock lock(mutex);
                   changes.push_back(record.id + " " + std::string(JobStateName(record.state)));
                 }}) {}

  JobRecord Submit(JobRequest request) { return manager.Submit(std::move(request)).value().record; }
  bool RunNext() { return manager.RunNext("cpu", nullptr); }
  JobRecord Get(const std::string& id) { return manager.Get(id).value().record; }

  Mutex mutex;
  std::vector<std::string> woken;
  std::vector<std::string> changes;
  JobManager manager;
};

}  // namespace circuitd
