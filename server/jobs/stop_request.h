// How a running job is told to stop.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace circuitd {

// Thread-safe.
class StopRequest {
 public:
  // The first reason stays.
  void Ask(absl::Status why) {
    MutexLock lock(mutex_);
    if (reason_.ok()) reason_ = std::move(why);
  }
  // OK as long as nobody has asked.
  absl::Status Reason() const {
    MutexLock lock(mutex_);
    return reason_;
  }

 private:
  mutable Mutex mutex_;
  absl::Status reason_ GUARDED_BY(mutex_);
};

inline absl::Status DeadlinePassed(absl::Time deadline) {
  return absl::DeadlineExceededError(absl::StrCat("the job's deadline ", absl::FormatTime(deadline), " has passed"));
}

}  // namespace circuitd
