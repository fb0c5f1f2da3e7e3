// Shows a job's progress on standard error while it runs.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "circuitd/v1/job.pb.h"
#include "client/cli/decision_board.h"
#include "client/cli/live_lines.h"
#include "client/cli/progress.h"

namespace circuitd::client {

// Thread-safe.
class ProgressPrinter {
 public:
  enum class Mode {
    kBoard,   // as kBar, with the decisions as a board above it where there is room
    kBar,     // one line that is drawn again and again: for terminals
    kLines,   // one line for each state, decision of node pruning, and edge that stays; for steps one a second at most
    kSilent,  // lines said by Say only
  };
  using Clock = std::function<std::chrono::steady_clock::time_point()>;
  ProgressPrinter(int fd, Mode mode, Clock now = std::chrono::steady_clock::now);
  // Takes the bar away; the board stays.
  ~ProgressPrinter();
  ProgressPrinter(const ProgressPrinter&) = delete;
  ProgressPrinter& operator=(const ProgressPrinter&) = delete;

  void Update(const v1::WatchJobResponse& message);
  // The job as it was asked for beside the watch: brings the bar of a waiting one up to date.
  void Refresh(const v1::Job& job);
  // Whether there is a bar of a waiting job.
  bool ShowsQueue();
  // A line of its own, above board and bar.
  void Say(absl::string_view line);
  // Between them nothing is drawn; what happened meanwhile shows afterwards. Also takes board and bar away.
  void Pause();
  void Resume();

 private:
  // Of kLines: whether what the event tells gets one.
  bool HasLine(const v1::JobEvent& event) REQUIRES(mutex_);
  bool draws() const { return mode_ == Mode::kBoard || mode_ == Mode::kBar; }
  void Draw(bool even_if_recent) REQUIRES(mutex_);
  void Write(absl::string_view text);

  const int fd_;
  const Mode mode_;
  const Clock now_;
  Mutex mutex_;
  JobProgressView view_ GUARDED_BY(mutex_);
  DecisionBoard board_ GUARDED_BY(mutex_);
  bool paused_ GUARDED_BY(mutex_) = false;
  LiveLines lines_ GUARDED_BY(mutex_);
  std::chrono::steady_clock::time_point last_draw_ GUARDED_BY(mutex_);
  std::optional<std::chrono::steady_clock::time_point> last_step_line_ GUARDED_BY(mutex_);
};

}  // namespace circuitd::client
