// Whether a call that no server answered is made again, and when.
#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/back_off.h"
#include "client/canceller.h"

namespace circuitd::client {

struct RetryOptions {
  BackOffPolicy back_off;
  // Of all attempts together, from the first one on.
  absl::Duration time_limit = absl::InfiniteDuration();
  // Ends waits; may be null.
  Canceller* canceller = nullptr;
  // Called before each wait for another attempt.
  std::function<void(const absl::Status& error, absl::Duration wait)> on_wait;
};

// For one call, or one stream that is taken up where it broke. Not thread-safe.
class Retry {
 public:
  explicit Retry(RetryOptions options);

  // The server answered: the next wait is short again, and the time to give up begins again.
  void Heard();
  // After a failed attempt: true, after a wait, if another one is worth it. False at once unless `status` is
  // UNAVAILABLE and there is time left for another attempt, and false when the canceller was used.
  bool WaitAfter(const absl::Status& status);

 private:
  using Clock = std::chrono::steady_clock;

  const RetryOptions options_;
  const Clock::time_point start_ = Clock::now();
  BackOff back_off_;
  // When the first attempt failed since the server was heard.
  std::optional<Clock::time_point> silent_since_;
};

}  // namespace circuitd::client
