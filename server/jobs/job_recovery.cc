// Between two lives of the server: how jobs are left, and how they are taken up.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "server/jobs/job_life.h"
#include "server/jobs/job_manager.h"
#include "server/jobs/stop_request.h"

namespace circuitd {

absl::StatusOr<size_t> JobManager::Recover() {
  News news;  // nobody is told of a life that is over
  MutexLock lock(mutex_);
  JobFilter unended;
  unended.states = {JobState::kQueued, JobState::kRunning};
  ASSIGN_OR_RETURN(const std::vector<JobRecord> records, store_->List(unended));
  for (const JobRecord& record : records) {
    unprovided_[record.id] = {record.number, {"the server was restarted, and the job is being prepared again", {}, {}}};
    SetTimers(record);
    if (record.state == JobState::kRunning) WaitAgain(record, "", news);
  }
  // Of jobs whose end was not stored any more, or whose deletion was.
  ASSIGN_OR_RETURN(const std::vector<std::string> files, artifacts_->List());
  for (const std::string& sha256 : files) {
    ASSIGN_OR_RETURN(const bool used, store_->IsArtifactUsed(sha256));
    if (!used) artifacts_->Remove(sha256).IgnoreError();
  }
  return records.size();
}

absl::StatusOr<std::string> JobManager::Input(absl::string_view id) const {
  MutexLock lock(mutex_);
  return store_->Input(id);
}

void JobManager::Provide(const std::string& id, absl::StatusOr<JobBody> body) {
  News news;
  {
    MutexLock lock(mutex_);
    const auto place = unprovided_.find(id);
    if (place == unprovided_.end()) return;
    absl::Status status;
    if (body.ok()) {
      const absl::StatusOr<JobRecord> record = store_->Get(id);
      status = record.status();
      if (record.ok()) {
        unprovided_.erase(place);
        TimersChanged();  // the next one's turn
        bodies_[id] = std::make_shared<JobBody>(*std::move(body));
        // One whose state could not be stored is ready when it is.
        if (held_.count(id) == 0) MakeReady(*record, news);
      }
    } else {
      status = EndWaiting(id, JobState::kFailed, body.status(), news);
    }
    if (!status.ok()) {
      unprovided_.at(id).back_off.Next(std::string(status.message()), options_.uptime());
      news.store_errors.push_back(status);
      TimersChanged();
    }
  }
  Tell(news);
}

void JobManager::Postpone(const std::string& id, absl::string_view why) {
  MutexLock lock(mutex_);
  const auto place = unprovided_.find(id);
  if (place == unprovided_.end()) return;
  place->second.back_off.Next(std::string(why), options_.uptime());
  TimersChanged();
}

void JobManager::StopAccepting() {
  MutexLock lock(mutex_);
  accepting_ = false;
}

void JobManager::PauseRunning() {
  MutexLock lock(mutex_);
  for (const auto& [id, running] : running_) running.stop->Pause("the server is shutting down");
}

bool JobManager::WaitUntilNoneRuns(absl::Time deadline) {
  const auto until =
      std::chrono::steady_clock::now() +
      absl::ToChronoNanoseconds(std::clamp(deadline - absl::Now(), absl::ZeroDuration(), absl::Hours(24 * 365)));
  MutexLock lock(mutex_);
  while (!running_.empty()) {
    if (!none_runs_.WaitUntil(mutex_, until)) return running_.empty();
  }
  return true;
}

}  // namespace circuitd
