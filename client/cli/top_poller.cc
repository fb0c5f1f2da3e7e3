#include "client/cli/top_poller.h"

#include <utility>

namespace circuitd::client {

TopPoller::TopPoller(TopSource& source, absl::Duration interval, std::function<void()> taken)
    : thread_([this, &source, interval, taken = std::move(taken)] {
        do {
          auto snapshot = source.Take(&stop_);
          {
            MutexLock lock(mutex_);
            newest_ = std::move(snapshot);
          }
          taken();
        } while (stop_.Sleep(interval));
      }) {}

TopPoller::~TopPoller() {
  stop_.Cancel();
  thread_.join();
}

std::optional<absl::StatusOr<TopSnapshot>> TopPoller::Take() {
  MutexLock lock(mutex_);
  return std::exchange(newest_, std::nullopt);
}

}  // namespace circuitd::client
