// Growing waits between attempts to reach a server again.
#pragma once

#include <algorithm>

#include "absl/random/random.h"
#include "absl/time/time.h"

namespace circuitd::client {

struct BackOffPolicy {
  absl::Duration first = absl::Milliseconds(300);
  absl::Duration longest = absl::Seconds(5);
  // Attempts stop when the server has not been heard of for this long; zero: there is no second one.
  absl::Duration give_up_after = absl::Minutes(5);
};

// Not thread-safe.
class BackOff {
 public:
  explicit BackOff(const BackOffPolicy& policy) : policy_(policy), next_(policy.first) {}

  // The next wait is short again.
  void Reset() { next_ = policy_.first; }
  // The next wait, doubled each time, with up to a quarter less so that many clients do not come back at once.
  absl::Duration Next() {
    const absl::Duration wait = next_ * absl::Uniform(random_, 0.75, 1.0);
    next_ = std::min(next_ * 2, policy_.longest);
    return wait;
  }

 private:
  const BackOffPolicy policy_;
  absl::Duration next_;
  absl::BitGen random_;
};

}  // namespace circuitd::client
