// Calls of a device's worker that run together.
#include "server/jobs/joint_work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "server/jobs/device_worker.h"

namespace circuitd {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Takes along what has the same key, up to `most` in all; says "a+b" when it runs.
class Named : public JointWork {
 public:
  Named(std::string name, int key, std::vector<std::string>& log, size_t most = 100)
      : name_(std::move(name)), key_(key), log_(log), most_(most) {}

  bool Take(JointWork& other) override {
    auto& named = dynamic_cast<Named&>(other);
    if (named.key_ != key_ || 1 + taken_.size() >= most_) return false;
    taken_.push_back(&named);
    return true;
  }

  std::vector<absl::Status> Run() override {
    std::string names = name_;
    for (const Named* taken : taken_) names += "+" + taken->name_;
    log_.push_back(names);
    if (name_ == "thrower") throw std::runtime_error("boom");
    std::vector<absl::Status> statuses = {Status()};
    for (const Named* taken : taken_) statuses.push_back(taken->Status());
    return statuses;
  }

 private:
  absl::Status Status() const { return name_ == "failing" ? absl::NotFoundError(name_) : absl::OkStatus(); }

  const std::string name_;
  const int key_;
  std::vector<std::string>& log_;
  const size_t most_;
  std::vector<Named*> taken_;
};

class JointWorkTest : public testing::Test {
 protected:
  void Enqueue(const std::string& name, int key, Checkpoint check = nullptr, size_t most = 100) {
    Add({std::move(check), nullptr, Ended(name), false, std::make_shared<Named>(name, key, log_, most)});
  }

  void EnqueueSingle(const std::string& name) {
    Add({nullptr,
         [this, name] {
           log_.push_back(name);
           return absl::OkStatus();
         },
         Ended(name)});
  }

  // Runs what `enqueue` enqueues, all of which waits together, to its end.
  template <typename Body>
  void RunTogether(Body enqueue) {
    std::promise<void> last;
    Add({nullptr,
         [&] {
           enqueue();
           Add({nullptr, [] { return absl::OkStatus(); }, [&last](const absl::Status&) { last.set_value(); }});
           return absl::OkStatus();
         },
         [](const absl::Status&) {}});
    last.get_future().wait();
  }

  std::function<void(const absl::Status&)> Ended(const std::string& name) {
    return [this, name](const absl::Status& status) { ended_.emplace_back(name, status); };
  }

  void Add(DeviceWorker::Call call) { ASSERT_TRUE(worker_.Enqueue(std::move(call)).ok()); }

  std::vector<std::string> log_;
  std::vector<std::pair<std::string, absl::Status>> ended_;
  DeviceWorker worker_{"cpu", 16};
};

TEST_F(JointWorkTest, TakesAlongWhatWaitsBehindItAndLeavesTheRestInOrder) {
  RunTogether([this] {
    Enqueue("a", 1);
    EnqueueSingle("single");
    Enqueue("x", 2);
    Enqueue("b", 1);
    Enqueue("y", 2);
    Enqueue("c", 1);
  });
  EXPECT_THAT(log_, ElementsAre("a+b+c", "single", "x+y"));
  EXPECT_EQ(ended_.size(), 6u);
}

TEST_F(JointWorkTest, EachOfThoseThatRunTogetherCountsAsRunning) {
  std::vector<int> running;
  const auto count = [&](const absl::Status&) { running.push_back(worker_.activity().running_calls); };
  RunTogether([&] {
    for (int i = 0; i < 3; ++i) Add({nullptr, nullptr, count, false, std::make_shared<Named>("a", 1, log_)});
    Add({nullptr, [] { return absl::OkStatus(); }, count});
  });
  EXPECT_THAT(running, ElementsAre(3, 3, 3, 1));
}

TEST_F(JointWorkTest, TakesNoMoreThanItWants) {
  RunTogether([this] {
    for (const char* name : {"a", "b", "c", "d", "e"}) Enqueue(name, 1, nullptr, 2);
  });
  EXPECT_THAT(log_, ElementsAre("a+b", "c+d", "e"));
}

TEST_F(JointWorkTest, EachCallEndsWithItsOwnStatus) {
  RunTogether([this] {
    Enqueue("a", 1);
    Enqueue("failing", 1);
    Enqueue("b", 1);
  });
  EXPECT_THAT(ended_,
              ElementsAre(std::pair("a", absl::OkStatus()), std::pair("failing", absl::NotFoundError("failing")),
                          std::pair("b", absl::OkStatus())));
}

TEST_F(JointWorkTest, CallWhoseCallerHasGoneIsNotTakenAlong) {
  RunTogether([this] {
    Enqueue("a", 1);
    Enqueue("gone", 1, [] { return absl::CancelledError("gone"); });
    Enqueue("b", 1);
  });
  EXPECT_THAT(log_, ElementsAre("a+b"));
  EXPECT_THAT(ended_, ElementsAre(std::pair("a", absl::OkStatus()), std::pair("b", absl::OkStatus()),
                                  std::pair("gone", absl::CancelledError("gone"))));
}

TEST_F(JointWorkTest, ExceptionEndsAllThatRanTogether) {
  RunTogether([this] {
    Enqueue("thrower", 1);
    Enqueue("a", 1);
    Enqueue("x", 2);
  });
  ASSERT_EQ(ended_.size(), 3u);
  for (const int i : {0, 1}) {
    EXPECT_EQ(ended_[i].second.code(), absl::StatusCode::kInternal);
    EXPECT_THAT(std::string(ended_[i].second.message()), HasSubstr("boom"));
  }
  EXPECT_EQ(ended_[2], std::pair(std::string("x"), absl::OkStatus()));
}

TEST_F(JointWorkTest, RunningCallLetsOnlyInWhatWaitsNow) {
  std::promise<void> last;
  Add({nullptr,
       [&] {
         Enqueue("a", 1);
         Enqueue("b", 1);
         EnqueueSingle("single");
         worker_.RunWaitingCalls();
         log_.push_back("running ends");
         return absl::OkStatus();
       },
       [&last](const absl::Status&) { last.set_value(); }});
  last.get_future().wait();
  EXPECT_THAT(log_, ElementsAre("a+b", "single", "running ends"));
}

}  // namespace
}  // namespace circuitd
