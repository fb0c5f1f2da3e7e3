// Asks a server again and again what `circuit top` shows.
#pragma once

#include <functional>
#include <optional>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "client/canceller.h"
#include "client/cli/top_source.h"

namespace circuitd::client {

// While it lives, takes a snapshot every `interval` in a thread of its own, in which `taken` is called after each one,
// also after one that failed.
class TopPoller {
 public:
  TopPoller(TopSource& source, absl::Duration interval, std::function<void()> taken);
  // Ends the call that is under way.
  ~TopPoller();
  TopPoller(const TopPoller&) = delete;
  TopPoller& operator=(const TopPoller&) = delete;

  // The newest one; empty if it was handed out already. From any thread.
  std::optional<absl::StatusOr<TopSnapshot>> Take();

 private:
  mutable Mutex mutex_;
  std::optional<absl::StatusOr<TopSnapshot>> newest_ GUARDED_BY(mutex_);
  Canceller stop_;
  std::thread thread_;
};

}  // namespace circuitd::client
