// What happens to jobs because time passes.
#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

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

absl::Duration JobManager::Tick() {
  News news;
  absl::Duration nap = kLongestNap;
  {
    MutexLock lock(mutex_);
    const absl::Duration uptime = options_.uptime();
    for (const std::string& id : Due(held_, [&](const Held& held) { return held.back_off.IsDue(uptime); })) {
      RetryHeld(id, news);
    }
    for (const std::string& id : Due(unwatched_until_, [&](absl::Duration until) { return until <= uptime; })) {
      EndInTime(id, JobState::kCancelled, absl::CancelledError("nobody watched it any more"), news);
    }
    const absl::Time now = options_.clock();
    for (const std::string& id : Due(deadlines_, [&](const Deadline& due) { return due.look_at <= now; })) {
      EndInTime(id, JobState::kFailed, DeadlinePassed(deadlines_.at(id).deadline), news);
    }
    if (accepting_) Prepare(news);
    if (next_retention_ <= uptime) {
      const absl::Status status = ForgetExpired();
      next_retention_ = uptime + (status.ok() ? kBetweenRetentions : kAfterStoreFailure);
      if (!status.ok()) news.store_errors.push_back(status);
    }
    nap = std::min(nap, next_retention_ - uptime);
    for (const auto& [id, held] : held_) nap = std::min(nap, held.back_off.until - uptime);
    if (accepting_ && !IsPreparing()) {
      for (const auto& [id, job] : unprovided_) nap = std::min(nap, job.back_off.until - uptime);
    }
    for (const auto& [id, until] : unwatched_until_) nap = std::min(nap, until - uptime);
    for (const auto& [id, deadline] : deadlines_) nap = std::min(nap, deadline.look_at - now);
  }
  Tell(news);
  return std::max(nap, absl::ZeroDuration());
}

void JobManager::EndInTime(const std::string& id, JobState state, absl::Status error, News& news) {
  if (const auto running = running_.find(id); running != running_.end()) {
    unwatched_until_.erase(id);
    return running->second.stop->End(std::move(error));
  }
  if (HasUnstoredEnd(id)) {
    unwatched_until_.erase(id);
    deadlines_.erase(id);
    return;
  }
  const absl::Status status = EndWaiting(id, state, std::move(error), news);
  if (status.ok()) return;
  news.store_errors.push_back(status);
  if (const auto until = unwatched_until_.find(id); until != unwatched_until_.end()) {
    until->second = options_.uptime() + kAfterStoreFailure;
  }
  if (const auto deadline = deadlines_.find(id); deadline != deadlines_.end()) {
    deadline->second.look_at = std::max(deadline->second.look_at, options_.clock() + kAfterStoreFailure);
  }
}

void JobManager::Prepare(News& news) {
  if (IsPreparing()) return;
  const absl::Duration uptime = options_.uptime();
  auto oldest = unprovided_.end();
  for (auto job = unprovided_.begin(); job != unprovided_.end(); ++job) {
    if (!job->second.back_off.IsDue(uptime)) continue;
    if (oldest == unprovided_.end() || job->second.number < oldest->second.number) oldest = job;
  }
  if (oldest == unprovided_.end()) return;
  absl::StatusOr<JobRecord> record = store_->Get(oldest->first);
  if (!record.ok()) {
    oldest->second.back_off.Next(std::string(record.status().message()), uptime);
    news.store_errors.push_back(record.status());
    return;
  }
  oldest->second.back_off.until = absl::InfiniteDuration();
  news.to_prepare.push_back(*std::move(record));
}

bool JobManager::IsPreparing() const {
  return std::any_of(unprovided_.begin(), unprovided_.end(),
                     [](const auto& entry) { return !entry.second.back_off.Waits(); });
}

void JobManager::CloseWatch(const std::string& id, const Watcher* watcher) {
  MutexLock lock(mutex_);
  watchers_.Remove(id, watcher);
  // Watches that the server ends say nothing about who wants the job.
  if (watchers_.IsWatched(id) || !accepting_ || cancel_unwatched_.count(id) == 0) return;
  unwatched_until_[id] = options_.uptime() + options_.watch_grace;
  TimersChanged();
}

absl::Status JobManager::ForgetExpired() {
  ASSIGN_OR_RETURN(const std::vector<std::string> expired,
                   store_->Expired(options_.clock() - options_.retention_age, options_.retention_bytes));
  absl::Status error;
  for (const std::string& id : expired) {
    // Those who read its last events still have it; next time it goes.
    if (watchers_.IsWatched(id)) continue;
    const absl::StatusOr<JobRecord> record = store_->Get(id);
    absl::Status status = record.ok() ? Forget(*record) : record.status();
    // One that can't be forgotten keeps no other.
    if (!status.ok()) error = std::move(status);
  }
  return error;
}

absl::Status JobManager::Forget(const JobRecord& record) {
  RETURN_IF_ERROR(store_->Delete(record.id));
  for (const ArtifactInfo& artifact : record.artifacts) {
    RemoveFileUnlessUsed(artifact.sha256);
  }
  return absl::OkStatus();
}

void JobManager::RemoveFileUnlessUsed(const std::string& sha256) {
  for (const auto& [id, files] : unstored_files_) {
    if (files.count(sha256) > 0) return;
  }
  const absl::StatusOr<bool> used = store_->IsArtifactUsed(sha256);
  if (used.ok() && !*used) artifacts_->Remove(sha256).IgnoreError();
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
