// What a terminal would show of a program's output.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace circuitd {

// Knows what the client's progress is made of: returns, line ends, the cursor moved up, erasing to the end of the line
// or screen, colours. Other sequences fail the test. Not thread-safe.
class TerminalScreen {
 public:
  explicit TerminalScreen(size_t columns) : columns_(columns) {}

  void Write(absl::string_view text);
  // Rows from the top on, without spaces at their ends; nothing scrolls.
  std::vector<std::string> Rows() const;

 private:
  void Put(const std::string& character);
  // The sequence that begins at `text`; its length.
  size_t Obey(absl::string_view text);

  const size_t columns_;
  std::vector<std::vector<std::string>> rows_{1};
  size_t row_ = 0;
  size_t column_ = 0;
};

}  // namespace circuitd
