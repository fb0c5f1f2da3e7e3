// What room a terminal has for lines that are drawn anew.
#pragma once

#include <cstddef>

namespace circuitd::client {

struct TerminalSize {
  size_t width = 0;
  // 0: not known.
  size_t height = 0;
  friend bool operator==(const TerminalSize&, const TerminalSize&) = default;
};

// Of the terminal behind `fd`; $COLUMNS or 80, and $LINES or 0, where it does not say.
TerminalSize TerminalSizeOf(int fd);

// Whether lines above the cursor's can be drawn anew: a terminal, and one that $TERM says more of than that it is dumb.
bool CanMoveUp(int fd);

}  // namespace circuitd::client
