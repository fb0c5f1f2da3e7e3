// What standard output and standard error are, and writing to them.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace circuitd::client {

// Call first of all in main: opens /dev/null for standard streams that are closed, so that no socket takes their
// number, and makes writing to a closed pipe an error instead of the process's end.
void PrepareStandardStreams();

// Columns of the terminal behind `fd`; $COLUMNS, or 80, where it does not say.
size_t TerminalWidth(int fd);

// A terminal, and NO_COLOR is not set.
bool HasColour(int fd);

enum class ColourDepth { kNone, k256, k24Bit };

// kNone unless HasColour; else what $COLORTERM and $TERM say.
ColourDepth ColourDepthOf(int fd);

// Standard output. Remembers the first failure instead of reporting every write. Not thread-safe.
class Output {
 public:
  explicit Output(int fd);

  void Write(absl::string_view text);
  bool is_terminal() const;
  // A terminal's width; 0, no limit, for files and pipes.
  size_t table_width() const;
  bool colour() const { return HasColour(fd_); }
  ColourDepth colour_depth() const { return ColourDepthOf(fd_); }
  // A reader closed its pipe: nothing is written any more.
  bool reader_gone() const { return reader_gone_; }
  // OK, also when a reader closed its pipe early: it has what it wants. Else why output was lost.
  absl::Status status() const { return status_; }

 private:
  const int fd_;
  bool reader_gone_ = false;
  absl::Status status_;
};

// A line on standard error, escaped: it may contain a server's words.
void PrintError(absl::string_view line);

// "circuit: CODE: message", one line.
std::string ErrorLine(const absl::Status& status);

}  // namespace circuitd::client
