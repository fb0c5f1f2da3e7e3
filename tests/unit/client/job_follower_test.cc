#include "client/job_follower.h"

#include <future>
#include <memory>
#include <thread>
#include <vector>

#include "client/channel.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/scripted_server.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const grpc::Status kBroken(grpc::StatusCode::UNAVAILABLE, "connection reset");

v1::WatchJobResponse JobIs(v1::JobState state) {
  v1::WatchJobResponse response;
  response.mutable_job()->set_name("jobs/7");
  response.mutable_job()->set_state(state);
  return response;
}

v1::WatchJobResponse Event(uint64_t sequence) {
  v1::WatchJobResponse response;
  response.mutable_event()->set_sequence(sequence);
  return response;
}

class JobFollowerTest : public testing::Test {
 protected:
  absl::StatusOr<v1::Job> Follow() {
    options_.back_off.first = absl::Milliseconds(1);
    options_.on_reconnect = [this](const absl::Status&, absl::Duration) { ++reconnects_; };
    const auto client = Client::Create(MakeChannel(server_.address()), {});
    return FollowJob(**client, "jobs/7", options_, [this](const v1::WatchJobResponse& response) {
      if (response.has_event()) sequences_.push_back(response.event().sequence());
      return receiver_status_;
    });
  }
  std::vector<uint64_t> AskedAfter() const {
    std::vector<uint64_t> asked;
    for (const auto& request : server_.jobs.watch.requests()) asked.push_back(request.after_sequence());
    return asked;
  }

  ScriptedServer server_;
  FollowOptions options_;
  absl::Status receiver_status_;
  std::vector<uint64_t> sequences_;
  int reconnects_ = 0;
};

TEST_F(JobFollowerTest, ReturnsTheEndedJob) {
  server_.jobs.watch.Add({{JobIs(v1::JOB_STATE_RUNNING), Event(1), Event(2), JobIs(v1::JOB_STATE_SUCCEEDED)}, {}});
  const auto job = Follow();
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->state(), v1::JOB_STATE_SUCCEEDED);
  EXPECT_THAT(sequences_, ElementsAre(1, 2));
  EXPECT_EQ(reconnects_, 0);
}

TEST_F(JobFollowerTest, TakesABrokenStreamUpAfterTheLastEvent) {
  server_.jobs.watch.Add({{JobIs(v1::JOB_STATE_RUNNING), Event(1), Event(2)}, kBroken});
  server_.jobs.watch.Add({{}, kBroken});
  server_.jobs.watch.Add({{JobIs(v1::JOB_STATE_RUNNING), Event(3), JobIs(v1::JOB_STATE_CANCELLED)}, {}});
  const auto job = Follow();
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_EQ(job->state(), v1::JOB_STATE_CANCELLED);
  EXPECT_THAT(sequences_, ElementsAre(1, 2, 3));
  EXPECT_THAT(AskedAfter(), ElementsAre(0, 2, 2));
  EXPECT_EQ(reconnects_, 2);
}

TEST_F(JobFollowerTest, TakesAStreamUpThatEndedBeforeTheJob) {
  server_.jobs.watch.Add({{JobIs(v1::JOB_STATE_RUNNING), Event(1)}, {}});
  server_.jobs.watch.Add({{JobIs(v1::JOB_STATE_FAILED)}, {}});
  EXPECT_EQ(Follow()->state(), v1::JOB_STATE_FAILED);
  EXPECT_THAT(AskedAfter(), ElementsAre(0, 1));
}

TEST_F(JobFollowerTest, PassesOverEventsSentAgain) {
  options_.after_sequence = 1;
  server_.jobs.watch.Add({{Event(1), Event(2), Event(2), Event(3), JobIs(v1::JOB_STATE_SUCCEEDED)}, {}});
  ASSERT_TRUE(Follow().ok());
  EXPECT_THAT(sequences_, ElementsAre(2, 3));
  EXPECT_THAT(AskedAfter(), ElementsAre(1));
}

TEST_F(JobFollowerTest, ReportsEventsLeftOut) {
  server_.jobs.watch.Add({{Event(1), Event(3)}, {}});
  const absl::Status status = Follow().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("event 3 of jobs/7 came after event 1"));
}

TEST_F(JobFollowerTest, PassesOtherErrorsOnWithoutTryingAgain) {
  server_.jobs.watch.Add({{}, grpc::Status(grpc::StatusCode::NOT_FOUND, "jobs/7")});
  EXPECT_EQ(Follow().status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(reconnects_, 0);
}

TEST_F(JobFollowerTest, PassesTheReceiversErrorOn) {
  receiver_status_ = absl::AbortedError("enough");
  server_.jobs.watch.Add({{Event(1)}, {}, /*hang=*/true});
  EXPECT_EQ(Follow().status(), receiver_status_);
}

TEST_F(JobFollowerTest, FailsFastWhenNobodyWasThere) {
  options_.reach_within = absl::ZeroDuration();
  server_.jobs.watch.Add({{}, kBroken});
  EXPECT_EQ(Follow().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(reconnects_, 0);
}

TEST_F(JobFollowerTest, TriesAgainForLongOnceTheServerWasHeard) {
  options_.reach_within = absl::ZeroDuration();
  server_.jobs.watch.Add({{JobIs(v1::JOB_STATE_RUNNING)}, kBroken});
  server_.jobs.watch.Add({{}, kBroken});
  server_.jobs.watch.Add({{JobIs(v1::JOB_STATE_SUCCEEDED)}, {}});
  EXPECT_TRUE(Follow().ok());
  EXPECT_EQ(reconnects_, 2);
}

TEST_F(JobFollowerTest, EndsWhenTheServerComesBackWithoutTheJob) {
  server_.jobs.watch.Add({{JobIs(v1::JOB_STATE_RUNNING), Event(1)}, kBroken});
  server_.jobs.watch.Add({{}, grpc::Status(grpc::StatusCode::NOT_FOUND, "jobs/7")});
  EXPECT_EQ(Follow().status(), absl::NotFoundError("jobs/7"));
  EXPECT_THAT(sequences_, ElementsAre(1));
}

TEST_F(JobFollowerTest, FollowsAJobThatWaitsAgain) {
  v1::WatchJobResponse queued = Event(3);
  queued.mutable_event()->set_state(v1::JOB_STATE_QUEUED);
  v1::WatchJobResponse running = Event(2);
  running.mutable_event()->set_state(v1::JOB_STATE_RUNNING);
  server_.jobs.watch.Add({{JobIs(v1::JOB_STATE_RUNNING), Event(1), running, queued}, kBroken});
  running.mutable_event()->set_sequence(4);
  server_.jobs.watch.Add({{JobIs(v1::JOB_STATE_QUEUED), running, Event(5), JobIs(v1::JOB_STATE_SUCCEEDED)}, {}});
  ASSERT_TRUE(Follow().ok());
  EXPECT_THAT(sequences_, ElementsAre(1, 2, 3, 4, 5));
}

// A server that goes, and another one that comes up in its place.
TEST(JobFollowerRestartTest, BridgesARestartOfTheServerWithItsDefaults) {
  auto server = std::make_unique<ScriptedServer>();
  const std::string address = server->address();
  server->jobs.watch.Add({{JobIs(v1::JOB_STATE_RUNNING), Event(1), Event(2)}, {}, /*hang=*/true});
  std::promise<void> received;
  std::thread stop([&] {
    received.get_future().wait();
    server.reset();
  });
  FollowOptions options;
  std::unique_ptr<ScriptedServer> restarted;
  options.on_reconnect = [&](const absl::Status&, absl::Duration) {
    if (restarted != nullptr) return;
    stop.join();
    restarted = std::make_unique<ScriptedServer>(address);
    restarted->jobs.watch.Add(
        {{JobIs(v1::JOB_STATE_QUEUED), Event(2), Event(3), Event(4), JobIs(v1::JOB_STATE_SUCCEEDED)}, {}});
  };
  const auto client = Client::Create(MakeChannel(address), {});
  std::vector<uint64_t> sequences;
  const auto job = FollowJob(**client, "jobs/7", options, [&](const v1::WatchJobResponse& response) {
    if (response.has_event()) sequences.push_back(response.event().sequence());
    if (response.event().sequence() == 2) received.set_value();
    return absl::OkStatus();
  });
  ASSERT_TRUE(job.ok()) << job.status();
  EXPECT_THAT(sequences, ElementsAre(1, 2, 3, 4));
  EXPECT_EQ(restarted->jobs.watch.requests().at(0).after_sequence(), 2u);
}

TEST_F(JobFollowerTest, GivesUpWhenTheServerStaysAway) {
  options_.back_off.give_up_after = absl::ZeroDuration();
  server_.jobs.watch.Add({{}, kBroken});
  EXPECT_EQ(Follow().status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(JobFollowerTest, CancellerWakesASilentStream) {
  Canceller canceller;
  options_.canceller = &canceller;
  server_.jobs.watch.Add({{JobIs(v1::JOB_STATE_RUNNING)}, {}, /*hang=*/true});
  std::thread other([&] {
    server_.jobs.watch.AwaitHanging();
    canceller.Cancel();
  });
  EXPECT_EQ(Follow().status().code(), absl::StatusCode::kCancelled);
  other.join();
}

TEST_F(JobFollowerTest, CancellerEndsTheWaitForAnotherAttempt) {
  Canceller canceller;
  const auto client = Client::Create(MakeChannel(server_.address()), {});
  FollowOptions options;
  options.back_off.first = absl::Hours(1);
  options.back_off.longest = absl::Hours(1);
  options.canceller = &canceller;
  options.on_reconnect = [&](const absl::Status&, absl::Duration) { canceller.Cancel(); };
  server_.jobs.watch.Add({{}, kBroken});
  const auto job = FollowJob(**client, "jobs/7", options, [](const auto&) { return absl::OkStatus(); });
  EXPECT_EQ(job.status().code(), absl::StatusCode::kCancelled);
}

TEST(BackOffTest, DoublesUpToTheLongestAndStartsAgain) {
  BackOff back_off({.first = absl::Seconds(1), .longest = absl::Seconds(3)});
  for (const double longest : {1.0, 2.0, 3.0, 3.0}) {
    const double wait = absl::ToDoubleSeconds(back_off.Next());
    EXPECT_LE(wait, longest);
    EXPECT_GE(wait, 0.75 * longest);
  }
  back_off.Reset();
  EXPECT_LE(back_off.Next(), absl::Seconds(1));
}

}  // namespace
}  // namespace circuitd::client
