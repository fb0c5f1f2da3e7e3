// Between two lives of the server: how jobs are left, and how they are taken up.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/jobs/job_life.h"
#include "server/jobs/job_manager.h"
#include "server/jobs/stop_request.h"

namespace circuitd {

absl::StatusOr<std::vector<JobRecord>> JobManager::Recover() {
  MutexLock lock(mutex_);
  JobFilter unended;
  unended.states = {JobState::kQueued, JobState::kRunning};
  ASSIGN_OR_RETURN(std::vector<JobRecord> records, store_->List(unended));
  std::reverse(records.begin(), records.end());
  for (JobRecord& record : records) {
    if (record.state == JobState::kRunning) {
      const JobEvent event = Enter(record, JobState::kQueued, options_.clock());
      RETURN_IF_ERROR(Store(record, event));
    }
    unprovided_.insert(record.id);
    SetTimers(record);
  }
  // Of jobs whose end was not stored any more, or whose deletion was.
  ASSIGN_OR_RETURN(const std::vector<std::string> files, artifacts_->List());
  for (const std::string& sha256 : files) {
    ASSIGN_OR_RETURN(const bool used, store_->IsArtifactUsed(sha256));
    if (!used) RETURN_IF_ERROR(artifacts_->Remove(sha256));
  }
  return records;
}

absl::StatusOr<std::string> JobManager::Input(absl::string_view id) const {
  MutexLock lock(mutex_);
  return store_->Input(id);
}

void JobManager::Provide(const std::string& id, absl::StatusOr<JobBody> body) {
  News news;
  {
    MutexLock lock(mutex_);
    if (unprovided_.erase(id) == 0) return;
    if (!body.ok()) {
      EndOrHold(id, JobState::kFailed, body.status(), news);
    } else if (const absl::StatusOr<JobRecord> record = store_->Get(id); record.ok()) {
      bodies_[id] = std::make_shared<JobBody>(*std::move(body));
      MakeReady(*record, news);
    } else {
      bodies_[id] = std::make_shared<JobBody>(*std::move(body));
      Hold(id, std::nullopt, absl::StrCat("it can't be read: ", record.status().message()));
    }
  }
  Tell(news);
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
