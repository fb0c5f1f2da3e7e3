// Whether a call still has somebody who waits for it.
#pragma once

#include <atomic>
#include <chrono>

#include "absl/status/status.h"

namespace circuitd {

// Thread-safe.
class CallControl {
 public:
  explicit CallControl(std::chrono::system_clock::time_point deadline) : deadline_(deadline) {}

  void Cancel() { cancelled_ = true; }
  // CANCELLED once the client has gone, DEADLINE_EXCEEDED once the call's deadline has passed.
  absl::Status Check() const {
    if (std::chrono::system_clock::now() >= deadline_) {
      return absl::DeadlineExceededError("the call's deadline passed before its work was done");
    }
    return cancelled_ ? absl::CancelledError("the client cancelled the call") : absl::OkStatus();
  }

 private:
  const std::chrono::system_clock::time_point deadline_;
  std::atomic<bool> cancelled_{false};
};

}  // namespace circuitd
