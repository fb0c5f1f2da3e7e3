#include "client/cli/progress_printer.h"

#include "absl/strings/str_cat.h"
#include "client/cli/terminal.h"
#include "client/cli/text.h"
#include "client/local_file.h"

namespace circuitd::client {
namespace {

// Fast enough to look alive; slow enough for a terminal far away.
constexpr std::chrono::milliseconds kBetweenDraws(80);

}  // namespace

ProgressPrinter::ProgressPrinter(int fd, Mode mode) : fd_(fd), mode_(mode) {}

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
  if (message.event().has_decision() || message.event().has_step()) Write(absl::StrCat(view_.last_step(), "\n"));
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
  const auto now = std::chrono::steady_clock::now();
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
