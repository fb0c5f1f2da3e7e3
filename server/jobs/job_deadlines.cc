// The deadlines of jobs that wait. A running job looks at its own at each checkpoint.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

#include "absl/time/clock.h"
#include "base/status.h"
#include "server/jobs/guarded_run.h"
#include "server/jobs/job_manager.h"
#include "server/jobs/stop_request.h"

namespace circuitd {

void JobManager::KeepDeadlines() {
  for (;;) {
    std::pair<absl::Time, std::string> passed;
    {
      MutexLock lock(mutex_);
      for (;;) {
        if (closing_) return;
        if (deadlines_.empty()) {
          deadlines_changed_.Wait(mutex_);
          continue;
        }
        const absl::Duration left = deadlines_.begin()->first - absl::Now();
        if (left <= absl::ZeroDuration()) break;
        // Looked at anew every minute, since the clock that deadlines are in may be set.
        const auto nap = absl::ToChronoNanoseconds(std::min(left, absl::Minutes(1)));
        deadlines_changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + nap);
      }
      passed = std::move(deadlines_.extract(deadlines_.begin()).value());
    }
    // A job that can't be ended now ends when its turn comes: its run looks at the deadline too.
    RunGuarded([&] { return EndAtDeadline(passed.first, passed.second); }).IgnoreError();
  }
}

absl::Status JobManager::EndAtDeadline(absl::Time deadline, const std::string& id) {
  JobRecord record;
  JobBody body;
  {
    MutexLock lock(mutex_);
    // Cancelled or begun meanwhile?
    const auto place = bodies_.find(id);
    if (place == bodies_.end()) return absl::OkStatus();
    ASSIGN_OR_RETURN(record, store_->Get(id));
    body = std::move(place->second);
    End(record, JobState::kFailed, DeadlinePassed(deadline));
  }
  body = nullptr;
  Announce(record);
  return absl::OkStatus();
}

}  // namespace circuitd
