#include "client/cli/terminal_size.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "client/cli/terminal.h"

namespace circuitd::client {

TerminalSize TerminalSizeOf(int fd) {
  TerminalSize terminal = {.width = TerminalWidth(fd)};
  winsize size = {};
  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_row > 0) {
    terminal.height = size.ws_row;
  } else if (const char* lines = std::getenv("LINES")) {
    if (!absl::SimpleAtoi(lines, &terminal.height)) terminal.height = 0;
  }
  return terminal;
}

bool CanMoveUp(int fd) {
  const char* kind = std::getenv("TERM");
  return isatty(fd) == 1 && kind != nullptr && *kind != '\0' && absl::string_view(kind) != "dumb";
}

}  // namespace circuitd::client
