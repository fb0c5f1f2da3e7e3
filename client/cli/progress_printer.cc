#include "client/cli/progress_printer.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/escape_text.h"
#include "client/cli/terminal.h"
#include "client/local_file.h"

namespace circuitd::client {
namespace {

// Fast enough to look alive; slow enough for a terminal far away.
constexpr std::chrono::milliseconds kBetweenDraws(80);
// In a log.
constexpr std::chrono::seconds kBetweenStepLines(1);

}  // namespace

ProgressPrinter::ProgressPrinter(int fd, Mode mode, Clock now) : fd_(fd), mode_(mode), now_(std::move(now)) {}

ProgressPrinter::~ProgressPrinter() {
  MutexLock lock(mutex_);
  Clear();
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
  if (mode_ == Mode::kBar) Draw(/*even_if_recent=*/new_state);
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
  return mode_ == Mode::kBar && view_.state() == v1::JOB_STATE_QUEUED;
}

void ProgressPrinter::Say(absl::string_view line) {
  MutexLock lock(mutex_);
  Clear();
  Write(absl::StrCat(EscapeText(line), "\n"));
}

void ProgressPrinter::Pause() {
  MutexLock lock(mutex_);
  Clear();
  paused_ = true;
}

void ProgressPrinter::Resume() {
  MutexLock lock(mutex_);
  paused_ = false;
  Draw(/*even_if_recent=*/true);
}

void ProgressPrinter::Draw(bool even_if_recent) {
  if (mode_ != Mode::kBar || paused_) return;
  const auto now = now_();
  if (drawn_ && !even_if_recent && now - last_draw_ < kBetweenDraws) return;
  last_draw_ = now;
  drawn_ = true;
  // The last column stays free: some terminals wrap when it is written.
  Write(absl::StrCat("\r", view_.RenderBar(TerminalWidth(fd_) - 1), "\x1b[K"));
}

void ProgressPrinter::Clear() {
  if (!drawn_) return;
  Write("\r\x1b[K");
  drawn_ = false;
}

}  // namespace circuitd::client
