#include "server/jobs/watchers.h"

#include <utility>

namespace circuitd {

void Watcher::Wake() {
  MutexLock lock(mutex_);
  if (on_change_) on_change_();
}

void Watcher::Close() {
  std::function<void()> gone;
  MutexLock lock(mutex_);
  std::swap(gone, on_change_);
}

void WatcherList::Add(absl::string_view job, std::shared_ptr<Watcher> watcher) {
  watchers_.emplace(std::string(job), std::move(watcher));
}

void WatcherList::Remove(absl::string_view job, const Watcher* watcher) {
  const auto [begin, end] = watchers_.equal_range(std::string(job));
  for (auto it = begin; it != end; ++it) {
    if (it->second.get() == watcher) {
      watchers_.erase(it);
      return;
    }
  }
}

std::vector<std::shared_ptr<Watcher>> WatcherList::Of(absl::string_view job) const {
  std::vector<std::shared_ptr<Watcher>> watchers;
  const auto [begin, end] = watchers_.equal_range(std::string(job));
  for (auto it = begin; it != end; ++it) watchers.push_back(it->second);
  return watchers;
}

bool WatcherList::IsWatched(absl::string_view job) const { return watchers_.find(std::string(job)) != watchers_.end(); }

std::set<std::string> WatcherList::jobs() const {
  std::set<std::string> jobs;
  for (const auto& [job, watcher] : watchers_) jobs.insert(job);
  return jobs;
}

}  // namespace circuitd
