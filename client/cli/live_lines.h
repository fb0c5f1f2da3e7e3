// Lines at the bottom of a terminal that are drawn again and again where they stand.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "client/cli/terminal_size.h"

namespace circuitd::client {

// Makes what is to be written; writes nothing itself. The cursor stays behind the last line. Not thread-safe.
class LiveLines {
 public:
  // Puts `lines` where the last ones are, each narrower than the terminal and fewer than its height. Lines that are the
  // same are not sent again, unless the terminal has another size now: then those that it has wrapped are counted.
  std::string Draw(std::vector<std::string> lines, TerminalSize size);
  // Leaves the first `kept` lines and takes the others away. The cursor is at the start of the line below.
  std::string End(size_t kept, TerminalSize size);

  // Lines that stand there.
  size_t count() const { return lines_.size(); }

 private:
  // Up to the start of line `line`.
  std::string Back(size_t line, TerminalSize size) const;

  std::vector<std::string> lines_;
  TerminalSize size_;
};

}  // namespace circuitd::client
