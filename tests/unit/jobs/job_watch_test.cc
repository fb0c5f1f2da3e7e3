#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>
#include <thread>

#include "base/status.h"
#include "server/jobs/job_manager.h"
#include "tests/unit/jobs/job_test_util.h"

namespace circuitd {
namespace {

using testing::ElementsAre;
using Kind = JobWatch::Item::Kind;

// Reads a watch as a client's stream would.
class Reader {
 public:
  Reader(JobManager& manager, const std::string& id, uint64_t after)
      : watch_(manager.Watch(id, after, [this] { Wake(); }).value()) {}

  // Everything until the end, as words: "job:queued", "1:queued", "3:payload".
  std::vector<std::string> ReadAll() {
    std::vector<std::string> words;
    for (;;) {
      JobWatch::Item item = watch_->Next().value();
      if (item.kind == Kind::kEnd) return words;
      if (item.kind == Kind::kNothingYet) {
        WaitForWake();
        continue;
      }
      words.push_back(Word(item));
    }
  }

  // What is there now.
  std::vector<std::string> ReadReady() {
    std::vector<std::string> words;
    for (;;) {
      JobWatch::Item item = watch_->Next().value();
      if (item.kind == Kind::kEnd || item.kind == Kind::kNothingYet) return words;
      words.push_back(Word(item));
    }
  }

 private:
  static std::string Word(const JobWatch::Item& item) {
    if (item.kind == Kind::kJob) return "job:" + std::string(JobStateName(item.job->record.state));
    return std::to_string(item.event->sequence) + ":" +
           (item.event->state ? std::string(JobStateName(*item.event->state)) : item.event->payload);
  }
  void Wake() {
    std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
  }
  void WaitForWake() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return woken_; });
    woken_ = false;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  std::unique_ptr<JobWatch> watch_;
};

JobRequest EmittingRequest(int events) {
  return RequestOf([events](JobContext& context) -> absl::StatusOr<JobOutcome> {
    for (int i = 0; i < events; ++i) context.Emit("e" + std::to_string(i), "p", absl::ZeroDuration());
    return Result("r");
  });
}

TEST(JobWatchTest, TellsJobThenEventsThenJob) {
  JobRig rig;
  const std::string id = rig.Submit(EmittingRequest(2)).id;
  rig.RunNext();
  EXPECT_THAT(Reader(*rig.manager, id, 0).ReadAll(),
              ElementsAre("job:succeeded", "1:queued", "2:running", "3:e0", "4:e1", "5:succeeded", "job:succeeded"));
}

TEST(JobWatchTest, GoesOnAfterASequenceNumber) {
  JobRig rig;
  const std::string id = rig.Submit(EmittingRequest(2)).id;
  rig.RunNext();
  EXPECT_THAT(Reader(*rig.manager, id, 3).ReadAll(),
              ElementsAre("job:succeeded", "4:e1", "5:succeeded", "job:succeeded"));
  EXPECT_THAT(Reader(*rig.manager, id, 5).ReadAll(), ElementsAre("job:succeeded"));
}

TEST(JobWatchTest, RefusesSequenceNumbersThatAreNotThereYet) {
  JobRig rig;
  const std::string id = rig.Submit(TrivialRequest()).id;
  const absl::Status status = rig.manager->Watch(id, 2, [] {}).status();
  EXPECT_EQ(FieldOf(status), "after_sequence");
  EXPECT_EQ(rig.manager->Watch("nosuchjob234", 0, [] {}).status().code(), absl::StatusCode::kNotFound);
}

TEST(JobWatchTest, ManyWatchersOfARunningJobMissNothingAndSeeNothingTwice) {
  constexpr int kEvents = 500;
  JobRig rig;
  const std::string id = rig.Submit(EmittingRequest(kEvents)).id;
  std::vector<std::string> expected = {"1:queued", "2:running"};
  for (int i = 0; i < kEvents; ++i) expected.push_back(std::to_string(i + 3) + ":e" + std::to_string(i));
  expected.push_back(std::to_string(kEvents + 3) + ":succeeded");
  expected.push_back("job:succeeded");

  std::vector<std::vector<std::string>> seen(4);
  std::vector<std::thread> threads;
  std::vector<std::unique_ptr<Reader>> readers;
  for (size_t i = 0; i < seen.size(); ++i) readers.push_back(std::make_unique<Reader>(*rig.manager, id, 0));
  for (size_t i = 0; i < seen.size(); ++i) threads.emplace_back([&, i] { seen[i] = readers[i]->ReadAll(); });
  rig.RunNext();
  for (std::thread& thread : threads) thread.join();
  for (auto& words : seen) {
    ASSERT_FALSE(words.empty());
    EXPECT_EQ(words.front().substr(0, 4), "job:");
    words.erase(words.begin());
    EXPECT_EQ(words, expected);
  }
}

TEST(JobWatchTest, WatcherThatDoesNotReadHoldsUpNobodyAndStillGetsTheEnd) {
  JobRig rig({.retention_age = absl::Hours(1)});
  const std::string id = rig.Submit(EmittingRequest(1)).id;
  Reader slow(*rig.manager, id, 0);
  EXPECT_THAT(slow.ReadReady(), ElementsAre("job:queued", "1:queued"));
  rig.RunNext();
  // Old enough to be forgotten, but for the one who still reads it.
  rig.clocks.Advance(absl::Hours(2));
  rig.manager->Tick();
  EXPECT_THAT(slow.ReadReady(), ElementsAre("2:running", "3:e0", "4:succeeded", "job:succeeded"));
}

TEST(JobWatchTest, WatcherWhoseCallbackBlocksHoldsUpNoJob) {
  JobRig rig;
  const std::string id = rig.Submit(EmittingRequest(3)).id;
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  const auto watch = rig.manager->Watch(id, 0, [released] { released.wait(); }).value();
  rig.RunNext();
  EXPECT_EQ(rig.Get(id).state, JobState::kSucceeded);
  release.set_value();
}

TEST(JobWatchTest, ThrowingCallbackEndsNothing) {
  JobRig rig;
  const std::string id = rig.Submit(EmittingRequest(3)).id;
  const auto watch = rig.manager->Watch(id, 0, [] { throw std::bad_alloc(); }).value();
  Reader reader(*rig.manager, id, 0);
  rig.RunNext();
  EXPECT_EQ(reader.ReadAll().back(), "job:succeeded");
}

TEST(JobWatchTest, RefusesMoreWatchesThanItsLimit) {
  JobRig rig({.max_watches = 1});
  const std::string id = rig.Submit(TrivialRequest()).id;
  auto watch = rig.manager->Watch(id, 0, [] {}).value();
  const absl::Status status = rig.manager->Watch(id, 0, [] {}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("max_watches is 1"));
  watch = nullptr;
  EXPECT_TRUE(rig.manager->Watch(id, 0, [] {}).ok());
}

TEST(JobWatchTest, SaysThatTheJobIsGoneToWhoLagsBehindItsDeletion) {
  JobRig rig;
  const std::string id = rig.Submit(TrivialRequest()).id;
  const auto watch = rig.manager->Watch(id, 1, [] {}).value();
  rig.RunNext();
  ASSERT_TRUE(rig.manager->Delete(id).ok());
  EXPECT_TRUE(absl::IsNotFound(rig.manager->Watch(id, 0, [] {}).status()));
  EXPECT_TRUE(absl::IsNotFound(watch->Next().status()));
}

TEST(JobWatchTest, TellsProgressOnceToWhoLagsBehind) {
  JobRig rig;
  std::string id;
  id = rig.Submit(RequestOf([&rig, &id](JobContext& context) -> absl::StatusOr<JobOutcome> {
            for (int i = 0; i < 100; ++i) {
              context.Emit("e", "progress " + std::to_string(i), absl::ZeroDuration());
            }
            const auto watch = rig.manager->Watch(id, 2, [] {}).value();
            std::vector<std::string> progress;
            int events = 0;
            for (auto item = watch->Next().value(); item.kind != Kind::kNothingYet; item = watch->Next().value()) {
              if (item.event) ++events;
              if (!item.progress.empty()) progress.push_back(item.progress);
            }
            EXPECT_EQ(events, 100);
            EXPECT_THAT(progress, ElementsAre("progress 99"));
            return Result("r");
          }))
           .id;
  rig.RunNext();
}

TEST(JobWatchTest, EndsUnavailableWhenTheServerGoesButTellsWhatThereIs) {
  JobRig rig;
  const std::string waiting = rig.Submit(TrivialRequest()).id;
  const auto watch = rig.manager->Watch(waiting, 0, [] {}).value();
  rig.manager->StopAccepting();
  rig.manager->EndWatches();
  EXPECT_EQ(watch->Next()->kind, Kind::kJob);
  EXPECT_EQ(watch->Next()->event->state, JobState::kQueued);
  EXPECT_TRUE(absl::IsUnavailable(watch->Next().status()));
}

TEST(JobWatchTest, WatchersMayComeAndGoWhileTheJobRuns) {
  JobRig rig;
  const std::string id = rig.Submit(EmittingRequest(2000)).id;
  std::thread worker([&] { rig.RunNext(); });
  for (int i = 0; i < 50; ++i) Reader(*rig.manager, id, 0).ReadReady();
  worker.join();
  EXPECT_EQ(Reader(*rig.manager, id, 0).ReadAll().size(), 2005u);
}

}  // namespace
}  // namespace circuitd
