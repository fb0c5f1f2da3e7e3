#include "client/cli/screen.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cli/terminal.h"
#include "client/local_file.h"

namespace circuitd::client {
namespace {

// Alternate screen, no cursor, lines that don't wrap, all of it empty; and back.
constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[H\x1b[2J";
constexpr char kLeave[] = "\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr char kHome[] = "\x1b[H";
constexpr char kClearLine[] = "\x1b[K";
constexpr char kClearBelow[] = "\x1b[J";

constexpr int kEnding[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr int kOther[] = {SIGTSTP, SIGCONT, SIGWINCH};
constexpr int kWake = 0;  // no signal has this number

// Bits by number: a full pipe loses no signal. Lock-free, so that the handler may use them.
std::atomic<uint64_t> pending{0};
std::atomic<int> pipe_end{-1};
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<int>::is_always_lock_free);

void Raise(int number) {
  const int saved = errno;
  pending.fetch_or(uint64_t{1} << number);
  const char byte = 's';
  // A full pipe wakes as well.
  if (write(pipe_end.load(), &byte, 1) < 0) errno = saved;
  errno = saved;
}

bool Take(int number) {
  const uint64_t bit = uint64_t{1} << number;
  return (pending.fetch_and(~bit) & bit) != 0;
}

// Returns what was done before.
struct sigaction Handle(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  struct sigaction previous = {};
  sigaction(signal, &action, &previous);
  return previous;
}

}  // namespace

std::string KeysIn(absl::string_view sent) {
  std::string keys;
  for (size_t at = 0; at < sent.size(); ++at) {
    if (sent[at] != '\x1b') {
      keys += sent[at];
      continue;
    }
    if (++at == sent.size() || (sent[at] != '[' && sent[at] != 'O')) continue;
    // Parameters, up to the letter or sign that ends the sequence.
    do ++at;
    while (at < sent.size() && (sent[at] < '@' || sent[at] > '~'));
  }
  return keys;
}

absl::StatusOr<std::unique_ptr<Screen>> Screen::Open(int input, int output) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return absl::ResourceExhaustedError("no pipe can be made");
  // The writing end stays open for good: a handler that another thread has just entered may still write.
  pipe_end.store(ends[1]);
  pending.store(0);
  return absl::WrapUnique(new Screen(input, output, ends[0]));
}

Screen::Screen(int input, int output, int pipe) : input_(input), output_(output), pipe_(pipe) {
  has_keys_ = isatty(input_) == 1 && tcgetattr(input_, &original_) == 0;
  const auto handle = [this](int signal) {
    struct sigaction now = {};
    sigaction(signal, nullptr, &now);
    // What nohup or a shell has set aside stays so.
    if (now.sa_handler != SIG_IGN) previous_[signal] = Handle(signal, Raise);
  };
  for (const int signal : kEnding) handle(signal);
  for (const int signal : kOther) handle(signal);
  Enter();
}

Screen::~Screen() {
  Leave();
  for (const auto& [signal, action] : previous_) sigaction(signal, &action, nullptr);
}

void Screen::Enter() {
  if (has_keys_) {
    termios raw = original_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    // In the background this stops the process until it is in the foreground.
    tcsetattr(input_, TCSANOW, &raw);
  }
  // Whether the terminal is gone, the next Show says.
  (void)WriteFully(output_, kEnter, "the terminal");
}

void Screen::Leave() {
  (void)WriteFully(output_, kLeave, "the terminal");
  if (has_keys_) tcsetattr(input_, TCSANOW, &original_);
}

void Screen::Stop() {
  Leave();
  Handle(SIGTSTP, SIG_DFL);
  std::raise(SIGTSTP);
  Handle(SIGTSTP, Raise);
  Take(SIGCONT);
  Enter();
}

TerminalSize Screen::size() const {
  TerminalSize size = TerminalSizeOf(output_);
  if (size.height == 0) size.height = 24;
  return size;
}

absl::Status Screen::Show(const std::vector<std::string>& lines) {
  std::string frame = kHome;
  for (const std::string& line : lines) {
    // No newline after the last one, which would scroll a full screen.
    absl::StrAppend(&frame, &line == &lines.front() ? "" : "\r\n", line, kClearLine);
  }
  return WriteFully(output_, absl::StrCat(frame, kClearBelow), "the terminal");
}

void Screen::Wake() { Raise(kWake); }

bool Screen::TakeSignal(Input& input) {
  for (const int signal : kEnding) {
    if (!Take(signal)) continue;
    input = {Event::kEnd, 0, signal};
    return true;
  }
  if (Take(SIGTSTP)) {
    Stop();
    input = {Event::kChanged};
    return true;
  }
  const bool continued = Take(SIGCONT);
  // Whoever stopped it may have left the terminal as a shell wants it.
  if (continued) Enter();
  if (Take(SIGWINCH) || continued) {
    input = {Event::kChanged};
    return true;
  }
  if (!Take(kWake)) return false;
  input = {Event::kWoken};
  return true;
}

void Screen::ReadKeys() {
  char buffer[256];
  const ssize_t count = read(input_, buffer, sizeof(buffer));
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    has_keys_ = false;
    Raise(SIGHUP);
    return;
  }
  for (const char key : KeysIn({buffer, static_cast<size_t>(count)})) keys_.push_back(key);
}

Screen::Input Screen::Wait(absl::Duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(timeout);
  while (true) {
    Input input;
    if (TakeSignal(input)) return input;
    if (!keys_.empty()) {
      input = {Event::kKey, keys_.front()};
      keys_.pop_front();
      return input;
    }
    pollfd fds[2] = {{pipe_, POLLIN, 0}, {has_keys_ ? input_ : -1, POLLIN, 0}};
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    const int ready = poll(fds, 2, static_cast<int>(std::clamp<int64_t>(left, 0, 1'000'000)));
    if (ready == 0) return {};
    if (ready < 0) continue;  // EINTR: the handler has said more
    char buffer[256];
    if (fds[0].revents != 0 && read(pipe_, buffer, sizeof(buffer)) < 0) continue;
    if (fds[1].revents != 0) ReadKeys();
  }
}

}  // namespace circuitd::client
