#include "client/cli/progress_line.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/progress.h"
#include "client/cli/terminal.h"
#include "client/cli/text.h"
#include "client/local_file.h"

namespace circuitd::client {
namespace {

constexpr std::chrono::milliseconds kBetweenDraws(80);
constexpr size_t kWidestBar = 30;
constexpr size_t kNarrowestBar = 8;

}  // namespace

std::string ProgressText(const std::string& unit, uint64_t done, uint64_t total, double seconds, size_t width) {
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 0;
  const std::string left = done > 0 ? ClockTime(share < 1 ? seconds * (1 - share) / share : 0) : "-:--";
  const std::string text = absl::StrCat(done, "/", total, " ", unit, "  ETA ", left);
  if (DisplayWidth(text) + 1 + kNarrowestBar > width) return Truncate(text, width);
  return absl::StrCat(ProgressBar(share, std::min(kWidestBar, width - 1 - DisplayWidth(text))), " ", text);
}

ProgressLine::ProgressLine(int fd, std::string unit)
    : fd_(fd), terminal_(isatty(fd) == 1), unit_(std::move(unit)), start_(std::chrono::steady_clock::now()) {}

ProgressLine::~ProgressLine() {
  // A terminal that is gone stops nothing.
  if (drawn_) (void)WriteFully(fd_, "\r\x1b[K", "standard error");
}

void ProgressLine::Update(uint64_t done, uint64_t total) {
  if (!terminal_) return;
  const auto now = std::chrono::steady_clock::now();
  if (drawn_ && now - last_draw_ < kBetweenDraws) return;
  last_draw_ = now;
  drawn_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string text = ProgressText(unit_, done, total, seconds, TerminalWidth(fd_) - 1);
  (void)WriteFully(fd_, absl::StrCat("\r", text, "\x1b[K"), "standard error");
}

}  // namespace circuitd::client
