#include "server/jobs/device_worker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include "server/jobs/queue_full.h"

namespace circuitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::Status Nothing() { return absl::OkStatus(); }
void Ignore(const absl::Status&) {}

// Runs `body` on the worker and returns how the call ended.
absl::Status RunAndWait(DeviceWorker& worker, std::function<absl::Status()> body, Checkpoint check = nullptr) {
  std::promise<absl::Status> ended;
  const absl::Status status = worker.Enqueue(
      {std::move(check), std::move(body), [&ended](const absl::Status& status) { ended.set_value(status); }});
  return status.ok() ? ended.get_future().get() : status;
}

// Keeps a worker busy until it goes.
class Blocker {
 public:
  explicit Blocker(DeviceWorker& worker) {
    EXPECT_TRUE(worker
                    .Enqueue({nullptr,
                              [this] {
                                began_.set_value();
                                release_.get_future().wait();
                                return absl::OkStatus();
                              },
                              [this](const absl::Status&) { ended_.set_value(); }})
                    .ok());
    began_.get_future().wait();
  }
  ~Blocker() {
    release_.set_value();
    ended_.get_future().wait();
  }

 private:
  std::promise<void> began_, release_, ended_;
};

TEST(DeviceWorkerTest, RunsCallsInOrderAndReportsTheirStatus) {
  DeviceWorker worker("cpu", 8);
  std::vector<int> order;
  {
    Blocker blocker(worker);
    for (int i = 0; i < 3; ++i) {
      ASSERT_TRUE(worker
                      .Enqueue({nullptr,
                                [&order, i] {
                                  order.push_back(i);
                                  return absl::OkStatus();
                                },
                                Ignore})
                      .ok());
    }
  }
  EXPECT_EQ(RunAndWait(worker, [] { return absl::NotFoundError("none"); }), absl::NotFoundError("none"));
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

TEST(DeviceWorkerTest, RefusesCallAtOnceWhenQueueIsFull) {
  DeviceWorker worker("cpu", 2);
  Blocker blocker(worker);
  ASSERT_TRUE(worker.Enqueue({nullptr, Nothing, Ignore}).ok());
  ASSERT_TRUE(worker.Enqueue({nullptr, Nothing, Ignore}).ok());
  const absl::Status status = worker.Enqueue({nullptr, Nothing, [](const absl::Status&) { FAIL(); }});
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("max_queued_calls is 2"));
  EXPECT_TRUE(IsQueueFull(status));
  EXPECT_EQ(worker.queued_calls(), 2);
}

TEST(DeviceWorkerTest, CancelledCallsMakeRoomInAFullQueue) {
  DeviceWorker worker("cpu", 1);
  Blocker blocker(worker);
  absl::Status gone;
  ASSERT_TRUE(worker
                  .Enqueue({[] { return absl::CancelledError("gone"); },
                            [] {
                              ADD_FAILURE();
                              return absl::OkStatus();
                            },
                            [&gone](const absl::Status& status) { gone = status; }})
                  .ok());
  EXPECT_TRUE(worker.Enqueue({nullptr, Nothing, Ignore}).ok());
  EXPECT_TRUE(absl::IsCancelled(gone));
}

TEST(DeviceWorkerTest, DropsCancelledCallWithoutRunningIt) {
  DeviceWorker worker("cpu", 8);
  bool ran = false;
  const absl::Status status = RunAndWait(
      worker,
      [&ran] {
        ran = true;
        return absl::OkStatus();
      },
      [] { return absl::CancelledError("gone"); });
  EXPECT_TRUE(absl::IsCancelled(status));
  EXPECT_FALSE(ran);
}

TEST(DeviceWorkerTest, ExceptionsBecomeStatusesAndTheWorkerGoesOn) {
  DeviceWorker worker("cpu", 8);
  const absl::Status thrown = RunAndWait(worker, []() -> absl::Status { throw std::runtime_error("boom"); });
  EXPECT_EQ(thrown.code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(thrown.message()), HasSubstr("boom"));
  EXPECT_EQ(RunAndWait(worker, []() -> absl::Status { throw 7; }).code(), absl::StatusCode::kInternal);
  EXPECT_EQ(RunAndWait(worker, []() -> absl::Status { throw std::bad_alloc(); }).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_TRUE(RunAndWait(worker, Nothing).ok());
}

TEST(DeviceWorkerTest, BackgroundLetsWaitingCallsInBetweenItsSteps) {
  DeviceWorker worker("cpu", 8);
  std::promise<void> background_began, call_queued, background_ended;
  std::vector<std::string> order;
  worker.SetBackground([&] {
    order.push_back("step 1");
    background_began.set_value();
    call_queued.get_future().wait();
    worker.RunWaitingCalls();
    order.push_back("step 2");
    background_ended.set_value();
    return false;
  });
  worker.WakeBackground();
  background_began.get_future().wait();
  ASSERT_TRUE(worker
                  .Enqueue({nullptr,
                            [&] {
                              order.push_back("call");
                              return absl::OkStatus();
                            },
                            Ignore})
                  .ok());
  call_queued.set_value();
  background_ended.get_future().wait();
  EXPECT_THAT(order, ElementsAre("step 1", "call", "step 2"));
}

TEST(DeviceWorkerTest, BackgroundBeginsThoughCallsKeepComing) {
  constexpr int kEnough = 1000;
  DeviceWorker worker("cpu", 8);
  std::atomic<bool> background_ran = false;
  std::promise<void> background_ended, calls_ended;
  worker.SetBackground([&] {
    background_ran = true;
    background_ended.set_value();
    return false;
  });
  int calls = 0;
  // Before a call ends, the next one waits already.
  std::function<absl::Status()> call = [&] {
    if (background_ran || ++calls == kEnough) {
      calls_ended.set_value();
      return absl::OkStatus();
    }
    return worker.Enqueue({nullptr, call, Ignore});
  };
  {
    Blocker blocker(worker);
    worker.WakeBackground();
    ASSERT_TRUE(worker.Enqueue({nullptr, call, Ignore}).ok());
  }
  background_ended.get_future().wait();
  calls_ended.get_future().wait();
  EXPECT_LT(calls, kEnough);
}

TEST(DeviceWorkerTest, RunningCallLetsWaitingCallsInAndThoseLetNobodyIn) {
  DeviceWorker worker("cpu", 8);
  std::vector<std::string> order;
  const auto enqueue = [&](const char* name) {
    EXPECT_TRUE(worker
                    .Enqueue({nullptr,
                              [&, name] {
                                order.push_back(std::string(name) + " begins");
                                worker.RunWaitingCalls();
                                order.push_back(std::string(name) + " ends");
                                return absl::OkStatus();
                              },
                              Ignore})
                    .ok());
  };
  const absl::Status status = RunAndWait(worker, [&] {
    order.push_back("long begins");
    enqueue("a");
    enqueue("b");
    worker.RunWaitingCalls();
    order.push_back("long ends");
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok());
  EXPECT_THAT(order, ElementsAre("long begins", "a begins", "a ends", "b begins", "b ends", "long ends"));
}

TEST(DeviceWorkerTest, CallThatABackgroundStepLetInLetsOthersIn) {
  DeviceWorker worker("cpu", 8);
  std::vector<std::string> order;
  std::promise<void> ended;
  const auto short_call = [&] {
    order.push_back("short");
    return absl::OkStatus();
  };
  const auto long_call = [&] {
    order.push_back("long begins");
    EXPECT_TRUE(worker.Enqueue({nullptr, short_call, Ignore}).ok());
    worker.RunWaitingCalls();
    order.push_back("long ends");
    return absl::OkStatus();
  };
  worker.SetBackground([&] {
    EXPECT_TRUE(worker.Enqueue({nullptr, long_call, Ignore}).ok());
    worker.RunWaitingCalls();
    ended.set_value();
    return false;
  });
  worker.WakeBackground();
  ended.get_future().wait();
  EXPECT_THAT(order, ElementsAre("long begins", "short", "long ends"));
}

TEST(DeviceWorkerTest, LongCallsWaitUntilNoCallRunsAndShortOnesPassThem) {
  DeviceWorker worker("cpu", 8);
  std::vector<std::string> order;
  std::promise<void> last;
  const auto enqueue = [&](const char* name, bool is_long, std::function<void(const absl::Status&)> done) {
    const auto run = [&order, name] {
      order.push_back(name);
      return absl::OkStatus();
    };
    ASSERT_TRUE(worker.Enqueue({nullptr, run, std::move(done), is_long}).ok());
  };
  const absl::Status status = RunAndWait(worker, [&] {
    order.push_back("running begins");
    enqueue("long 1", true, Ignore);
    enqueue("long 2", true, [&](const absl::Status&) { last.set_value(); });
    enqueue("short", false, Ignore);
    worker.RunWaitingCalls();
    EXPECT_EQ(worker.queued_calls(), 2);
    worker.RunWaitingCalls();
    order.push_back("running ends");
    return absl::OkStatus();
  });
  EXPECT_TRUE(status.ok());
  last.get_future().wait();
  EXPECT_THAT(order, ElementsAre("running begins", "short", "running ends", "long 1", "long 2"));
}

TEST(DeviceWorkerTest, BackgroundStepLetsLongCallsIn) {
  DeviceWorker worker("cpu", 8);
  bool ran = false;
  std::promise<void> ended;
  worker.SetBackground([&] {
    const auto run = [&ran] {
      ran = true;
      return absl::OkStatus();
    };
    EXPECT_TRUE(worker.Enqueue({nullptr, run, Ignore, true}).ok());
    worker.RunWaitingCalls();
    ended.set_value();
    return false;
  });
  worker.WakeBackground();
  ended.get_future().wait();
  EXPECT_TRUE(ran);
}

TEST(DeviceWorkerTest, LongCallWhoseCallerHasGoneDoesNotWait) {
  DeviceWorker worker("cpu", 8);
  const absl::Status status = RunAndWait(worker, [&] {
    absl::Status dropped;
    const auto run = [] {
      ADD_FAILURE();
      return absl::OkStatus();
    };
    EXPECT_TRUE(worker
                    .Enqueue({[] { return absl::CancelledError("gone"); }, run,
                              [&](const absl::Status& status) { dropped = status; }, true})
                    .ok());
    worker.RunWaitingCalls();
    EXPECT_EQ(worker.queued_calls(), 0);
    return dropped;
  });
  EXPECT_EQ(status, absl::CancelledError("gone"));
}

TEST(DeviceWorkerTest, TellsWhetherCallsRunOrWait) {
  DeviceWorker worker("cpu", 8);
  EXPECT_FALSE(worker.has_calls());
  {
    Blocker blocker(worker);
    EXPECT_TRUE(worker.has_calls());
    EXPECT_EQ(worker.queued_calls(), 0);
  }
  while (worker.has_calls()) std::this_thread::yield();
}

// A clock that stands still until it is set forward, and counts who looks at it.
struct SetClock {
  std::atomic<int64_t> seconds = 0;
  std::atomic<int> looks = 0;

  std::function<absl::Duration()> function() {
    return [this] {
      const absl::Duration now = absl::Seconds(seconds.load());
      ++looks;
      return now;
    };
  }
};

TEST(DeviceWorkerTest, CountsTheTimeInWhichItHasSomethingToDo) {
  SetClock clock;
  DeviceWorker worker("cpu", 8, clock.function());
  EXPECT_EQ(worker.activity().busy, absl::ZeroDuration());
  for (int call = 1; call <= 2; ++call) {
    clock.looks = 0;
    EXPECT_TRUE(RunAndWait(worker, [&] {
                  clock.seconds += 3;
                  EXPECT_EQ(worker.activity().busy, absl::Seconds(3 * call));
                  return absl::OkStatus();
                }).ok());
    // When it began, in the call, and when it had nothing to do any more.
    while (clock.looks < 3) std::this_thread::yield();
    clock.seconds += 10;
    EXPECT_EQ(worker.activity().busy, absl::Seconds(3 * call));
  }
}

TEST(DeviceWorkerTest, BackgroundWorkIsBusyTimeToo) {
  SetClock clock;
  DeviceWorker worker("cpu", 8, clock.function());
  int steps = 0;
  worker.SetBackground([&] {
    clock.seconds += 5;
    return ++steps < 3;
  });
  worker.WakeBackground();
  while (clock.looks < 2) std::this_thread::yield();
  clock.seconds += 10;
  EXPECT_EQ(worker.activity().busy, absl::Seconds(15));
  worker.Stop();
  EXPECT_EQ(worker.activity().busy, absl::Seconds(15));
}

TEST(DeviceWorkerTest, CountsCallsThatWaitAndThatRun) {
  DeviceWorker worker("cpu", 8);
  EXPECT_EQ(worker.activity().running_calls, 0);
  {
    Blocker blocker(worker);
    ASSERT_TRUE(worker.Enqueue({nullptr, Nothing, Ignore}).ok());
    EXPECT_EQ(worker.activity().running_calls, 1);
    EXPECT_EQ(worker.activity().waiting_calls, 1);
  }
  while (worker.has_calls()) std::this_thread::yield();
  EXPECT_EQ(worker.activity().running_calls, 0);
  EXPECT_EQ(worker.activity().waiting_calls, 0);
}

TEST(DeviceWorkerTest, ThrowingBackgroundStepEndsOnlyItself) {
  DeviceWorker worker("cpu", 8);
  int steps = 0;
  std::promise<void> second;
  worker.SetBackground([&]() -> bool {
    if (++steps == 1) throw std::bad_alloc();
    second.set_value();
    return false;
  });
  worker.WakeBackground();
  second.get_future().wait();
  EXPECT_TRUE(RunAndWait(worker, Nothing).ok());
}

TEST(DeviceWorkerTest, CallsGoBeforeBackgroundWork) {
  DeviceWorker worker("cpu", 8);
  std::vector<std::string> order;
  std::promise<void> background_ended;
  worker.SetBackground([&] {
    order.push_back("background");
    background_ended.set_value();
    return false;
  });
  {
    Blocker blocker(worker);
    worker.WakeBackground();
    ASSERT_TRUE(worker
                    .Enqueue({nullptr,
                              [&] {
                                order.push_back("call");
                                return absl::OkStatus();
                              },
                              Ignore})
                    .ok());
  }
  background_ended.get_future().wait();
  EXPECT_THAT(order, ElementsAre("call", "background"));
}

TEST(DeviceWorkerTest, BackgroundRunsUntilItHasNothingToDo) {
  DeviceWorker worker("cpu", 8);
  int steps = 0;
  std::promise<void> idle;
  worker.SetBackground([&] {
    if (++steps < 3) return true;
    idle.set_value();
    return false;
  });
  worker.WakeBackground();
  idle.get_future().wait();
  EXPECT_EQ(steps, 3);
}

TEST(DeviceWorkerTest, StopAnswersWaitingCallsAndRefusesNewOnes) {
  DeviceWorker worker("cpu", 8);
  std::promise<void> began, release;
  absl::Status running = absl::UnknownError("not ended"), waiting = absl::UnknownError("not ended");
  ASSERT_TRUE(worker
                  .Enqueue({nullptr,
                            [&] {
                              began.set_value();
                              release.get_future().wait();
                              return absl::OkStatus();
                            },
                            [&](const absl::Status& status) { running = status; }})
                  .ok());
  began.get_future().wait();
  ASSERT_TRUE(worker
                  .Enqueue({nullptr,
                            [] {
                              ADD_FAILURE();
                              return absl::OkStatus();
                            },
                            [&](const absl::Status& status) { waiting = status; }})
                  .ok());
  std::thread stopper([&] { worker.Stop(); });
  while (worker.Enqueue({nullptr, Nothing, Ignore}).code() != absl::StatusCode::kUnavailable) std::this_thread::yield();
  release.set_value();
  stopper.join();
  EXPECT_TRUE(running.ok());
  EXPECT_EQ(waiting.code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace circuitd
