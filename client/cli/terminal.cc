#include "client/cli/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/escape_text.h"
#include "client/local_file.h"

namespace circuitd::client {

void PrepareStandardStreams() {
  for (int fd = 0; fd <= 2; ++fd) {
    // open takes the lowest free number, which is the closed one.
    if (fcntl(fd, F_GETFD) == -1 && errno == EBADF) (void)open("/dev/null", O_RDWR);
  }
  std::signal(SIGPIPE, SIG_IGN);
}

size_t TerminalWidth(int fd) {
  winsize size = {};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  size_t width = 0;
  return columns != nullptr && absl::SimpleAtoi(columns, &width) && width > 0 ? width : 80;
}

bool HasColour(int fd) {
  const char* no_color = std::getenv("NO_COLOR");
  return isatty(fd) == 1 && (no_color == nullptr || *no_color == '\0');
}

ColourDepth ColourDepthOf(int fd) {
  if (!HasColour(fd)) return ColourDepth::kNone;
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return absl::string_view(value != nullptr ? value : "");
  };
  if (variable("TERM") == "dumb") return ColourDepth::kNone;
  const absl::string_view depth = variable("COLORTERM");
  return depth == "truecolor" || depth == "24bit" ? ColourDepth::k24Bit : ColourDepth::k256;
}

Output::Output(int fd) : fd_(fd) {}

void Output::Write(absl::string_view text) {
  if (reader_gone_ || !status_.ok()) return;
  errno = 0;
  const absl::Status written = WriteFully(fd_, text, "standard output");
  if (written.ok()) return;
  if (errno == EPIPE) {
    reader_gone_ = true;
  } else {
    status_ = written;
  }
}

bool Output::is_terminal() const { return isatty(fd_) == 1; }

size_t Output::table_width() const { return is_terminal() ? TerminalWidth(fd_) : 0; }

void PrintError(absl::string_view line) {
  // Nobody is left to tell when this fails.
  (void)WriteFully(STDERR_FILENO, absl::StrCat(EscapeText(line), "\n"), "standard error");
}

std::string ErrorLine(const absl::Status& status) {
  return absl::StrCat("circuit: ", absl::StatusCodeToString(status.code()), ": ", status.message());
}

}  // namespace circuitd::client
