// What happens to jobs because time passes.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/jobs/guarded_run.h"
#include "server/jobs/job_manager.h"
#include "server/jobs/stop_request.h"

namespace circuitd {
namespace {

constexpr absl::Duration kLongestNap = absl::Minutes(1);  // the clock that deadlines are in may be set
constexpr absl::Duration kBetweenRetentions = absl::Hours(1);
constexpr absl::Duration kAfterStoreFailure = absl::Seconds(5);

// The keys of entries that are due.
template <typename Map, typename IsDue>
std::vector<std::string> Due(const Map& map, IsDue is_due) {
  std::vector<std::string> due;
  for (const auto& [id, entry] : map) {
    if (is_due(entry)) due.push_back(id);
  }
  return due;
}

}  // namespace

absl::Duration SteadyUptime() { return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch()); }

absl::Duration JobManager::Tick() {
  News news;
  absl::Duration nap = kLongestNap;
  {
    MutexLock lock(mutex_);
    const absl::Duration uptime = options_.uptime();
    for (const std::string& id : Due(held_, [&](const Held& held) { return held.until <= uptime; })) {
      RetryHeld(id, news);
    }
    for (const std::string& id : Due(unwatched_until_, [&](absl::Duration until) { return until <= uptime; })) {
      CancelUnwatched(id, news);
    }
    while (!deadlines_.empty() && deadlines_.begin()->first <= options_.clock()) {
      const auto [deadline, id] = deadlines_.extract(deadlines_.begin()).value();
      EndOrHold(id, JobState::kFailed, DeadlinePassed(deadline), news);
    }
    if (next_retention_ <= uptime) {
      const absl::Status status = ForgetExpired();
      next_retention_ = uptime + (status.ok() ? kBetweenRetentions : kAfterStoreFailure);
      if (!status.ok()) news.store_errors.push_back(status);
    }
    nap = std::min(nap, next_retention_ - uptime);
    for (const auto& [id, held] : held_) nap = std::min(nap, held.until - uptime);
    for (const auto& [id, until] : unwatched_until_) nap = std::min(nap, until - uptime);
    if (!deadlines_.empty()) nap = std::min(nap, deadlines_.begin()->first - options_.clock());
  }
  Tell(news);
  return std::max(nap, absl::ZeroDuration());
}

void JobManager::CancelUnwatched(const std::string& id, News& news) {
  unwatched_until_.erase(id);
  const absl::Status reason = absl::CancelledError("nobody watched it any more");
  if (const auto running = running_.find(id); running != running_.end()) return running->second.stop->End(reason);
  EndOrHold(id, JobState::kCancelled, reason, news);
}

void JobManager::CloseWatch(const std::string& id, const Watcher* watcher) {
  MutexLock lock(mutex_);
  watchers_.Remove(id, watcher);
  // Watches that the server ends say nothing about who wants the job.
  if (watchers_.IsWatched(id) || !accepting_) return;
  const absl::StatusOr<JobRecord> record = store_->Get(id);
  if (!record.ok() || HasEnded(record->state) || !record->cancel_unwatched) return;
  unwatched_until_[id] = options_.uptime() + options_.watch_grace;
  TimersChanged();
}

absl::Status JobManager::ForgetExpired() {
  ASSIGN_OR_RETURN(const std::vector<std::string> expired,
                   store_->Expired(options_.clock() - options_.retention_age, options_.retention_bytes));
  for (const std::string& id : expired) {
    // Those who read its last events still have it; next time it goes.
    if (watchers_.IsWatched(id)) continue;
    ASSIGN_OR_RETURN(const JobRecord record, store_->Get(id));
    RETURN_IF_ERROR(Forget(record));
  }
  return absl::OkStatus();
}

absl::Status JobManager::Forget(const JobRecord& record) {
  RETURN_IF_ERROR(store_->Delete(record.id));
  for (const ArtifactInfo& artifact : record.artifacts) {
    // What can't be removed now is found at the next start.
    const absl::StatusOr<bool> used = store_->IsArtifactUsed(artifact.sha256);
    if (used.ok() && !*used) artifacts_->Remove(artifact.sha256).IgnoreError();
  }
  return absl::OkStatus();
}

void JobManager::TimersChanged() {
  timers_have_changed_ = true;
  timers_changed_.Signal();
}

void JobManager::KeepTime() {
  for (;;) {
    absl::Duration nap = kAfterStoreFailure;
    RunGuarded([&] {
      nap = Tick();
      return absl::OkStatus();
    }).IgnoreError();
    MutexLock lock(mutex_);
    const auto until = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(nap);
    while (!closing_ && !timers_have_changed_) {
      if (!timers_changed_.WaitUntil(mutex_, until)) break;
    }
    if (closing_) return;
    timers_have_changed_ = false;
  }
}

}  // namespace circuitd
