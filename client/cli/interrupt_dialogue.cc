#include "client/cli/interrupt_dialogue.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace circuitd::client {
namespace {

// Lock-free, so that the handler may read it.
std::atomic<int> handler_pipe{-1};
static_assert(std::atomic<int>::is_always_lock_free);

void OnInterrupt(int) {
  const int saved = errno;
  const char byte = 'i';
  // A full pipe already holds an interrupt.
  if (write(handler_pipe.load(), &byte, 1) < 0) errno = saved;
  errno = saved;
}

}  // namespace

InterruptDialogue::InterruptDialogue(InterruptActions actions, int input, bool interactive)
    : actions_(std::move(actions)), input_(input), interactive_(interactive) {
  // Without a pipe (no file numbers left) Ctrl-C keeps its usual meaning.
  if (pipe2(pipe_, O_CLOEXEC) != 0) return;
  fcntl(pipe_[1], F_SETFL, O_NONBLOCK);
  handler_pipe.store(pipe_[1]);
  thread_ = std::thread([this] { Run(); });
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, &previous_);
}

InterruptDialogue::~InterruptDialogue() {
  if (!thread_.joinable()) return;
  sigaction(SIGINT, &previous_, nullptr);
  const char byte = 's';
  fcntl(pipe_[1], F_SETFL, 0);
  while (write(pipe_[1], &byte, 1) < 0 && errno == EINTR) {
  }
  thread_.join();
  // The numbers stay open: a handler that another thread has just entered may still write.
}

InterruptDialogue::Event InterruptDialogue::Wait(bool input_too) {
  while (true) {
    pollfd fds[2] = {{pipe_[0], POLLIN, 0}, {input_, POLLIN, 0}};
    if (poll(fds, input_too ? 2 : 1, -1) < 0) continue;  // EINTR
    if (fds[0].revents != 0) {
      char byte = 's';
      if (read(pipe_[0], &byte, 1) < 0) continue;
      return byte == 'i' ? Event::kInterrupt : Event::kStop;
    }
    if (input_too && fds[1].revents != 0) return Event::kInput;
  }
}

void InterruptDialogue::Run() {
  while (Wait(/*input_too=*/false) == Event::kInterrupt) {
    if (!interactive_ || cancel_asked_) {
      actions_.detach();
    } else if (!Ask()) {
      return;
    }
  }
}

bool InterruptDialogue::Ask() {
  const bool ends = actions_.ends_unwatched && actions_.ends_unwatched();
  actions_.ask(absl::StrCat("Job ", actions_.job_name, ends ? " goes on while it is watched" : " goes on",
                            ": type c to cancel it, d to detach",
                            ends ? " (it is cancelled unless somebody else watches it)" : "",
                            ", or Enter to keep watching? "));
  const Event event = Wait(/*input_too=*/true);
  if (event == Event::kStop) return false;
  if (event == Event::kInterrupt) {
    actions_.detach();
    return true;
  }
  const std::string answer = ReadLine();
  if (answer == "c" || answer == "cancel") {
    cancel_asked_ = true;
    actions_.resume();
    actions_.cancel_job();
  } else if (answer == "d" || answer == "detach") {
    actions_.resume();
    actions_.detach();
  } else if (answer == "\x04") {
    actions_.detach();
  } else {
    actions_.resume();
  }
  return true;
}

std::string InterruptDialogue::ReadLine() {
  // A terminal hands over whole lines; nothing at all is the end of its input.
  char buffer[256];
  const ssize_t count = read(input_, buffer, sizeof(buffer));
  if (count <= 0) return "\x04";
  return absl::AsciiStrToLower(absl::StripAsciiWhitespace(absl::string_view(buffer, static_cast<size_t>(count))));
}

}  // namespace circuitd::client
