// A child process with its streams, ended and reaped with the object that started it.
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace circuitd {

// How long anything may take that is expected to happen: generous, since it only bounds a test that fails.
inline constexpr absl::Duration kPatience = absl::Seconds(60);

struct ProcessOptions {
  std::vector<std::string> arguments;              // the program's path first
  std::map<std::string, std::string> environment;  // added to this process's own
  std::string folder = ".";                        // where it runs
  std::string input;                               // of standard input, which then ends
  // All three streams are a pseudo-terminal of so many columns and 24 lines, which is also its controlling one:
  // Type("\x03") is Ctrl-C. 0: none.
  unsigned short terminal_columns = 0;
};

// Thread-safe. Signals and waits concern this child alone, by its process id.
class Subprocess {
 public:
  // Aborts the test binary when the child can't be started: there is nothing to test then.
  static std::unique_ptr<Subprocess> Start(const ProcessOptions& options);
  // Kills the child if it still runs.
  ~Subprocess();
  Subprocess(const Subprocess&) = delete;
  Subprocess& operator=(const Subprocess&) = delete;

  pid_t pid() const { return pid_; }
  bool Running() const;
  void Signal(int signal);
  // Only with a terminal.
  void Type(absl::string_view text);
  // Only with a terminal, as a window does it whose size is changed.
  void Resize(unsigned short columns, unsigned short rows);
  // Only with a terminal: how it takes its input.
  termios TerminalSettings() const;

  // What was written until now; with a terminal all of it is standard output's.
  std::string out() const;
  std::string err() const;
  // True once `text` was written to either stream; false when it can't be any more, or after kPatience.
  bool WaitForOutput(absl::string_view text);
  // The exit code, or 128 + the signal that ended it; all output has been read then. Nullopt after `patience`.
  std::optional<int> Wait(absl::Duration patience = kPatience);

 private:
  Subprocess() = default;
  void Read();

  pid_t pid_ = -1;
  int out_fd_ = -1, err_fd_ = -1;  // err_fd_ is -1 with a terminal
  std::thread reader_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::string out_ GUARDED_BY(mutex_), err_ GUARDED_BY(mutex_);
  std::optional<int> exit_code_ GUARDED_BY(mutex_);  // set after the last output
};

}  // namespace circuitd
