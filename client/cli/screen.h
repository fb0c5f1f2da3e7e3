// A terminal's whole screen: drawn frame by frame, with keys, and given back as it was.
#pragma once

#include <termios.h>

#include <csignal>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/terminal_size.h"

namespace circuitd::client {

// The keys among what a terminal sent at once: those that send more than a character (arrows, Alt with a letter) are
// left out.
std::string KeysIn(absl::string_view sent);

// While it lives, the terminal shows its alternate screen without cursor, and the signals that end, stop or resize are
// taken. Going away it gives everything back, and so it does for as long as Ctrl-Z stops the process. One at a time in
// a process. Not thread-safe but for Wake.
class Screen {
 public:
  enum class Event {
    kKey,
    kChanged,  // its size, or all that it showed is gone: to be drawn again
    kWoken,
    kTimeout,
    kEnd,  // SIGINT, SIGTERM, SIGHUP or SIGQUIT; SIGHUP also where the terminal is gone
  };
  struct Input {
    Event event = Event::kTimeout;
    char key = 0;
    int signal = 0;  // of kEnd
  };

  // `output` is a terminal where CanMoveUp; keys come from `input` if that is one. RESOURCE_EXHAUSTED without a pipe
  // for signals.
  static absl::StatusOr<std::unique_ptr<Screen>> Open(int input, int output);
  ~Screen();
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // As the terminal says now; 24 lines where it does not.
  TerminalSize size() const;
  // Replaces what is shown, from the first row on, without flicker: lines of the size's columns at most, and as many as
  // its rows at most; the last column is better left free. An error says that the terminal is gone.
  absl::Status Show(const std::vector<std::string>& lines);
  // Waits for the next thing that happens. A SIGTSTP stops the process here.
  Input Wait(absl::Duration timeout);
  // Ends a Wait, or the next one. From any thread.
  void Wake();

 private:
  Screen(int input, int output, int pipe);

  void Enter();
  void Leave();
  // As Ctrl-Z does it, until somebody continues the process.
  void Stop();
  // False if nothing has come.
  bool TakeSignal(Input& input);
  void ReadKeys();

  const int input_;
  const int output_;
  const int pipe_;
  bool has_keys_ = false;
  termios original_ = {};
  std::deque<char> keys_;
  std::map<int, struct sigaction> previous_;  // by signal
};

}  // namespace circuitd::client
