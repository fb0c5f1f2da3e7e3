// Waking those who watch a job. The events themselves lie in the store; a watcher reads them at its own pace, by
// sequence number, so that a slow one holds up nobody and misses nothing.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace circuitd {

// A callback that can be taken back. Thread-safe.
class Watcher {
 public:
  explicit Watcher(std::function<void()> on_change) : on_change_(std::move(on_change)) {}
  // Calls back, unless it was closed.
  void Wake() EXCLUDES(mutex_);
  // Afterwards the callback does not run any more, and is gone with its captures. Not to be called from the callback.
  void Close() EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::function<void()> on_change_ GUARDED_BY(mutex_);
};

// Who watches which job. Not thread-safe.
class WatcherList {
 public:
  void Add(absl::string_view job, std::shared_ptr<Watcher> watcher);
  void Remove(absl::string_view job, const Watcher* watcher);
  // To be woken after the lock over this list is let go.
  std::vector<std::shared_ptr<Watcher>> Of(absl::string_view job) const;
  bool IsWatched(absl::string_view job) const;
  std::set<std::string> jobs() const;
  size_t size() const { return watchers_.size(); }

 private:
  std::multimap<std::string, std::shared_ptr<Watcher>> watchers_;
};

}  // namespace circuitd
