#include "client/cli/progress_printer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/escape_text.h"
#include "client/cli/terminal.h"
#include "client/job_follower.h"
#include "client/local_file.h"

namespace circuitd::client {
namespace {

// Fast enough to look alive; slow enough for a terminal far away.
constexpr std::chrono::milliseconds kBetweenDraws(80);
// In a log.
constexpr std::chrono::seconds kBetweenStepLines(1);
constexpr size_t kFreeColumns = 3;

}  // namespace

ProgressPrinter::ProgressPrinter(int fd, Mode mode, Clock now) : fd_(fd), mode_(mode), now_(std::move(now)) {}

ProgressPrinter::~ProgressPrinter() {
  MutexLock lock(mutex_);
  Write(lines_.End(lines_.count() - std::min<size_t>(1, lines_.count()), TerminalSizeOf(fd_)));
  if (paused_) Write("\n");  // what comes next does not belong on the question's line
}

// A terminal that is gone stops neither the job nor the download.
void ProgressPrinter::Write(absl::string_view text) { (void)WriteFully(fd_, text, "standard error"); }

void ProgressPrinter::Update(const v1::WatchJobResponse& message) {
  MutexLock lock(mutex_);
  const v1::JobState before = view_.state();
  if (message.has_job()) {
    view_.Update(message.job());
  } else {
    view_.Update(message.event());
  }
  const bool new_state = view_.state() != before;
  if (mode_ == Mode::kBoard && message.has_event()) board_.Update(message.event());
  Draw(/*even_if_recent=*/new_state);
  if (mode_ != Mode::kLines) return;
  // A watch begins with the job as it is now, and then tells what happened before: what a job waits for comes last.
  const bool waits = view_.state() == v1::JOB_STATE_QUEUED && view_.up_to_date();
  if (message.event().event_case() == v1::JobEvent::kState) {
    Write(absl::StrCat(waits ? view_.QueuedText() : StateName(message.event().state()), "\n"));
  } else if (message.has_job() && waits) {
    Write(absl::StrCat(view_.QueuedText(), "\n"));
  }
  if (HasLine(message.event())) Write(absl::StrCat(view_.last_step(), "\n"));
}

bool ProgressPrinter::HasLine(const v1::JobEvent& event) {
  // Of tens of thousands of edges most leave. Of nodes, which are few, each one is said.
  if (event.has_decision()) return !event.decision().edge_decision().removed();
  if (!event.has_step()) return false;
  const auto now = now_();
  if (last_step_line_ && now - *last_step_line_ < kBetweenStepLines) return false;
  last_step_line_ = now;
  return true;
}

void ProgressPrinter::Refresh(const v1::Job& job) {
  MutexLock lock(mutex_);
  view_.Refresh(job);
  Draw(/*even_if_recent=*/true);
}

bool ProgressPrinter::ShowsQueue() {
  MutexLock lock(mutex_);
  return draws() && view_.state() == v1::JOB_STATE_QUEUED;
}

void ProgressPrinter::Say(absl::string_view line) {
  MutexLock lock(mutex_);
  const bool drawn = lines_.count() > 0;
  Write(absl::StrCat(lines_.End(0, TerminalSizeOf(fd_)), EscapeText(line), "\n"));
  if (drawn) Draw(/*even_if_recent=*/true);
}

void ProgressPrinter::Pause() {
  MutexLock lock(mutex_);
  Write(lines_.End(0, TerminalSizeOf(fd_)));
  paused_ = true;
}

void ProgressPrinter::Resume() {
  MutexLock lock(mutex_);
  paused_ = false;
  Draw(/*even_if_recent=*/true);
}

void ProgressPrinter::Draw(bool even_if_recent) {
  if (!draws() || paused_) return;
  const auto now = now_();
  if (lines_.count() > 0 && !even_if_recent && now - last_draw_ < kBetweenDraws) return;
  last_draw_ = now;
  const TerminalSize size = TerminalSizeOf(fd_);
  // Columns that stay free are those of the "^C" that a terminal shows behind the bar, and the last one: some terminals
  // wrap when it is written. The line above the board is what the command said before.
  const size_t width = size.width - std::min(kFreeColumns, size.width);
  std::vector<std::string> lines;
  if (mode_ == Mode::kBoard) {
    const size_t height = size.height - std::min<size_t>(2, size.height);
    lines = RenderBoard(board_, {width, height, ColourDepthOf(fd_), /*mark_last=*/!IsTerminal(view_.state())});
  }
  lines.push_back(view_.RenderBar(width));
  Write(lines_.Draw(std::move(lines), size));
}

}  // namespace circuitd::client
