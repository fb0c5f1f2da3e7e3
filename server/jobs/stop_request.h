// How a running job is told to stop.
#pragma once

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace circuitd {

// Thread-safe.
class StopRequest {
 public:
  // For good. The first reason stays.
  void End(absl::Status why) {
    MutexLock lock(mutex_);
    if (end_.ok()) end_ = std::move(why);
  }
  // For now: the job will be run again. An end goes before it.
  void Pause(absl::string_view why) {
    MutexLock lock(mutex_);
    if (pause_.ok()) pause_ = absl::AbortedError(why);
  }
  // What the checkpoint says; OK as long as nobody has asked.
  absl::Status Reason() const {
    MutexLock lock(mutex_);
    return end_.ok() ? pause_ : end_;
  }
  absl::Status EndReason() const {
    MutexLock lock(mutex_);
    return end_;
  }

 private:
  mutable Mutex mutex_;
  absl::Status end_ GUARDED_BY(mutex_);
  absl::Status pause_ GUARDED_BY(mutex_);
};

inline absl::Status DeadlinePassed(absl::Time deadline) {
  return absl::DeadlineExceededError(absl::StrCat("the job's deadline ", absl::FormatTime(deadline), " has passed"));
}

}  // namespace circuitd
