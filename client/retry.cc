#include "client/retry.h"

#include <algorithm>
#include <utility>

namespace circuitd::client {

Retry::Retry(RetryOptions options) : options_(std::move(options)), back_off_(options_.back_off) {}

void Retry::Heard() {
  back_off_.Reset();
  silent_since_.reset();
}

bool Retry::WaitAfter(const absl::Status& status) {
  if (!absl::IsUnavailable(status)) return false;
  const Clock::time_point now = Clock::now();
  if (!silent_since_) silent_since_ = now;
  const absl::Duration left = options_.back_off.give_up_after - absl::FromChrono(now - *silent_since_);
  if (left <= absl::ZeroDuration()) return false;
  // The last attempt is made when the time is over, not before.
  const absl::Duration wait = std::min(back_off_.Next(), left);
  if (absl::FromChrono(now - start_) + wait >= options_.time_limit) return false;
  if (options_.on_wait) options_.on_wait(status, wait);
  if (options_.canceller != nullptr) return options_.canceller->Sleep(wait);
  absl::SleepFor(wait);
  return true;
}

}  // namespace circuitd::client
