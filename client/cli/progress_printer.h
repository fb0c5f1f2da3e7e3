// Shows a job's progress on standard error while it runs.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "circuitd/v1/job.pb.h"
#include "client/cli/progress.h"

namespace circuitd::client {

// Thread-safe.
class ProgressPrinter {
 public:
  enum class Mode {
    kBar,     // one line that is drawn again and again: for terminals
    kLines,   // one line for each state, decision of node pruning, and edge that stays; for steps one a second at most
    kSilent,  // lines said by Say only
  };
  using Clock = std::function<std::chrono::steady_clock::time_point()>;
  ProgressPrinter(int fd, Mode mode, Clock now = std::chrono::steady_clock::now);
  // Takes the bar away.
  ~ProgressPrinter();
  ProgressPrinter(const ProgressPrinter&) = delete;
  ProgressPrinter& operator=(const ProgressPrinter&) = delete;

  void Update(const v1::WatchJobResponse& message);
  // The job as it was asked for beside the watch: brings the bar of a waiting one up to date.
  void Refresh(const v1::Job& job);
  // Whether there is a bar of a waiting job.
  bool ShowsQueue();
  // A line of its own, above the bar.
  void Say(absl::string_view line);
  // Between them nothing is drawn; what happened meanwhile shows afterwards. Also takes the bar away.
  void Pause();
  void Resume();

 private:
  // Of kLines: whether what the event tells gets one.
  bool HasLine(const v1::JobEvent& event) REQUIRES(mutex_);
  void Draw(bool even_if_recent) REQUIRES(mutex_);
  void Clear() REQUIRES(mutex_);
  void Write(absl::string_view text);

  const int fd_;
  const Mode mode_;
  const Clock now_;
  Mutex mutex_;
  JobProgressView view_ GUARDED_BY(mutex_);
  bool paused_ GUARDED_BY(mutex_) = false;
  bool drawn_ GUARDED_BY(mutex_) = false;
  std::chrono::steady_clock::time_point last_draw_ GUARDED_BY(mutex_);
  std::optional<std::chrono::steady_clock::time_point> last_step_line_ GUARDED_BY(mutex_);
};

}  // namespace circuitd::client
