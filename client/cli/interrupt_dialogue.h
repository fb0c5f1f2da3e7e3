// What Ctrl-C means while a job is watched: a question first, then detaching.
#pragma once

#include <csignal>
#include <functional>
#include <string>
#include <thread>

namespace circuitd::client {

// All are called in the dialogue's own thread.
struct InterruptActions {
  std::string job_name;
  // Whether the job is cancelled when nobody watches it; empty: it isn't.
  std::function<bool()> ends_unwatched;
  // Shows a question; nothing else is drawn until `resume`, which is not called when the question stays unanswered.
  std::function<void(const std::string& question)> ask;
  std::function<void()> resume;
  std::function<void()> cancel_job;
  // Ends the watch, and does nothing to the job.
  std::function<void()> detach;
};

// While it lives, SIGINT no longer ends the process. With a terminal at `input`, the first one asks whether the job is
// to be cancelled, left alone or watched on, and a second one during the question, or after the answer "cancel",
// detaches; without one the first detaches. The handler only writes a byte to a pipe. One at a time in a process.
class InterruptDialogue {
 public:
  // `interactive`: there is somebody to ask at `input`.
  InterruptDialogue(InterruptActions actions, int input, bool interactive);
  ~InterruptDialogue();
  InterruptDialogue(const InterruptDialogue&) = delete;
  InterruptDialogue& operator=(const InterruptDialogue&) = delete;

 private:
  enum class Event { kInterrupt, kInput, kStop };

  void Run();
  Event Wait(bool input_too);
  // False when the dialogue has ended.
  bool Ask();
  std::string ReadLine();

  const InterruptActions actions_;
  const int input_;
  const bool interactive_;
  bool cancel_asked_ = false;
  int pipe_[2] = {-1, -1};
  struct sigaction previous_ = {};
  std::thread thread_;
};

}  // namespace circuitd::client
