#include "client/cli/interrupt_dialogue.h"

#include <pty.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "base/mutex.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;

// Notes what the dialogue asked for.
class Notes {
 public:
  InterruptActions Actions() {
    InterruptActions actions;
    actions.job_name = "jobs/7";
    actions.ask = [this](const std::string& question) {
      Add(absl::StrContains(question, "Job jobs/7 goes on: type c") ? "ask" : question);
    };
    actions.resume = [this] { Add("resume"); };
    actions.cancel_job = [this] { Add("cancel"); };
    actions.detach = [this] { Add("detach"); };
    return actions;
  }
  // Once `count` things have been noted.
  std::vector<std::string> Await(size_t count) {
    MutexLock lock(mutex_);
    while (notes_.size() < count) added_.Wait(mutex_);
    return notes_;
  }

 private:
  void Add(const std::string& note) {
    MutexLock lock(mutex_);
    notes_.push_back(note);
    added_.SignalAll();
  }
  Mutex mutex_;
  CondVar added_;
  std::vector<std::string> notes_ GUARDED_BY(mutex_);
};

class InterruptDialogueTest : public testing::Test {
 protected:
  InterruptDialogueTest() {
    if (openpty(&keyboard_, &terminal_, nullptr, nullptr, nullptr) != 0) ADD_FAILURE() << "no pseudo-terminal";
  }
  ~InterruptDialogueTest() override {
    close(keyboard_);
    close(terminal_);
  }
  void Type(const std::string& text) {
    ASSERT_EQ(write(keyboard_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  int keyboard_ = -1;
  int terminal_ = -1;
  Notes notes_;
};

TEST_F(InterruptDialogueTest, DetachesAtOnceWithoutATerminal) {
  const InterruptDialogue dialogue(notes_.Actions(), terminal_, /*interactive=*/false);
  raise(SIGINT);
  EXPECT_THAT(notes_.Await(1), ElementsAre("detach"));
}

TEST_F(InterruptDialogueTest, EnterKeepsWatching) {
  const InterruptDialogue dialogue(notes_.Actions(), terminal_, true);
  raise(SIGINT);
  notes_.Await(1);
  Type("\n");
  EXPECT_THAT(notes_.Await(2), ElementsAre("ask", "resume"));
  raise(SIGINT);
  EXPECT_THAT(notes_.Await(3), ElementsAre("ask", "resume", "ask"));
}

TEST_F(InterruptDialogueTest, DetachesOnRequest) {
  const InterruptDialogue dialogue(notes_.Actions(), terminal_, true);
  raise(SIGINT);
  notes_.Await(1);
  Type("D\n");
  EXPECT_THAT(notes_.Await(3), ElementsAre("ask", "resume", "detach"));
}

TEST_F(InterruptDialogueTest, SaysWhenLeavingCancels) {
  InterruptActions actions = notes_.Actions();
  actions.ends_unwatched = [] { return true; };
  const InterruptDialogue dialogue(std::move(actions), terminal_, true);
  raise(SIGINT);
  EXPECT_THAT(notes_.Await(1),
              ElementsAre("Job jobs/7 goes on while it is watched: type c to cancel it, d to detach (it is cancelled "
                          "unless somebody else watches it), or Enter to keep watching? "));
}

TEST_F(InterruptDialogueTest, DetachesWhenTheInputEnds) {
  const InterruptDialogue dialogue(notes_.Actions(), terminal_, true);
  raise(SIGINT);
  notes_.Await(1);
  Type("\x04");
  EXPECT_THAT(notes_.Await(2), ElementsAre("ask", "detach"));
}

TEST_F(InterruptDialogueTest, SecondInterruptDetaches) {
  const InterruptDialogue dialogue(notes_.Actions(), terminal_, true);
  raise(SIGINT);
  notes_.Await(1);
  raise(SIGINT);
  EXPECT_THAT(notes_.Await(2), ElementsAre("ask", "detach"));
}

TEST_F(InterruptDialogueTest, CancelsAndThenDetachesAtTheNextInterrupt) {
  const InterruptDialogue dialogue(notes_.Actions(), terminal_, true);
  raise(SIGINT);
  notes_.Await(1);
  Type("c\n");
  EXPECT_THAT(notes_.Await(3), ElementsAre("ask", "resume", "cancel"));
  raise(SIGINT);
  EXPECT_THAT(notes_.Await(4), ElementsAre("ask", "resume", "cancel", "detach"));
}

TEST_F(InterruptDialogueTest, EndsWhileAQuestionIsOpen) {
  {
    const InterruptDialogue dialogue(notes_.Actions(), terminal_, true);
    raise(SIGINT);
    notes_.Await(1);
  }
  EXPECT_THAT(notes_.Await(1), ElementsAre("ask"));
}

TEST_F(InterruptDialogueTest, GivesTheSignalItsMeaningBack) {
  struct sigaction before = {};
  struct sigaction after = {};
  sigaction(SIGINT, nullptr, &before);
  { const InterruptDialogue dialogue(notes_.Actions(), terminal_, true); }
  sigaction(SIGINT, nullptr, &after);
  EXPECT_EQ(before.sa_handler, after.sa_handler);
}

}  // namespace
}  // namespace circuitd::client
