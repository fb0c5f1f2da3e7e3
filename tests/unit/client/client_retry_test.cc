// Which calls are made again, and how often.
#include <string>
#include <vector>

#include "client/channel.h"
#include "client/client.h"
#include "client/dataset_upload.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/scripted_server.h"

namespace circuitd::client {
namespace {

using testing::StartsWith;

const grpc::Status kAway(grpc::StatusCode::UNAVAILABLE, "away");

class ClientRetryTest : public testing::Test {
 protected:
  ClientRetryTest() {
    options_.retry = {
        .first = absl::Milliseconds(1), .longest = absl::Milliseconds(2), .give_up_after = absl::Hours(1)};
    options_.on_retry = [this](const absl::Status&, absl::Duration) { ++retries_; };
  }
  std::unique_ptr<Client> MakeClient() { return std::move(*Client::Create(MakeChannel(server_.address()), options_)); }
  // GetJob answers these, the last one again and again.
  void AnswerGet(std::vector<grpc::Status> answers) {
    server_.jobs.get = [this, answers](grpc::ServerContext*, const v1::GetJobRequest&, v1::GetJobResponse*) {
      return answers[std::min(calls_++, answers.size() - 1)];
    };
  }

  ScriptedServer server_;
  ClientOptions options_;
  size_t calls_ = 0;
  int retries_ = 0;
};

TEST_F(ClientRetryTest, MakesACallAgainUntilItIsAnswered) {
  AnswerGet({kAway, kAway, grpc::Status::OK});
  EXPECT_TRUE(MakeClient()->GetJob({}).ok());
  EXPECT_EQ(calls_, 3u);
  EXPECT_EQ(retries_, 2);
}

TEST_F(ClientRetryTest, TakesEveryOtherErrorForAnAnswer) {
  for (const auto code : {grpc::StatusCode::RESOURCE_EXHAUSTED, grpc::StatusCode::ABORTED, grpc::StatusCode::INTERNAL,
                          grpc::StatusCode::NOT_FOUND, grpc::StatusCode::DEADLINE_EXCEEDED}) {
    calls_ = 0;
    AnswerGet({grpc::Status(code, "no")});
    EXPECT_EQ(static_cast<int>(MakeClient()->GetJob({}).status().code()), code);
    EXPECT_EQ(calls_, 1u);
  }
}

TEST_F(ClientRetryTest, GivesUpWithTheLastError) {
  AnswerGet({kAway});
  options_.retry.give_up_after = absl::Milliseconds(20);
  EXPECT_EQ(MakeClient()->GetJob({}).status(), absl::UnavailableError("away"));
  EXPECT_GT(calls_, 1u);
}

TEST_F(ClientRetryTest, MakesACallOnceWhereNothingIsToBeMadeAgain) {
  AnswerGet({kAway});
  options_.retry.give_up_after = absl::ZeroDuration();
  EXPECT_EQ(MakeClient()->GetJob({}).status(), absl::UnavailableError("away"));
  EXPECT_EQ(calls_, 1u);
}

TEST_F(ClientRetryTest, StartsNoAttemptAfterTheCallsTimeLimit) {
  AnswerGet({kAway});
  options_.call_timeout = absl::Minutes(1);
  options_.retry.first = absl::Hours(1);
  options_.retry.longest = absl::Hours(1);
  EXPECT_EQ(MakeClient()->GetJob({}).status(), absl::UnavailableError("away"));
  EXPECT_EQ(calls_, 1u);
}

TEST_F(ClientRetryTest, SendsADatasetAgain) {
  server_.datasets.refusal = kAway;
  options_.on_retry = [this](const absl::Status&, absl::Duration) { server_.datasets.refusal = grpc::Status::OK; };
  const std::string bytes(1'000'000, 'x');
  ASSERT_TRUE(EnsureDataset(*MakeClient(), v1::DATASET_FORMAT_PAIRS, bytes).ok());
  EXPECT_EQ(server_.datasets.received, bytes);
  EXPECT_EQ(server_.datasets.uploads, 1);
}

TEST_F(ClientRetryTest, MakesAStreamAgainOnlyWhileNothingOfItHasCome) {
  const auto messages = Messages<v1::ForwardResponse>(v1::ForwardSummary(), {FloatChunk("a", {1}, {1})});
  server_.inference.forward.Add({{}, kAway});
  server_.inference.forward.Add({messages, grpc::Status::OK});
  server_.inference.forward.Add({messages, kAway});
  int received = 0;
  const auto receive = [&](const v1::ForwardResponse&) {
    ++received;
    return absl::OkStatus();
  };
  const auto client = MakeClient();
  EXPECT_TRUE(client->Forward({}, receive).ok());
  EXPECT_EQ(received, 2);
  EXPECT_EQ(client->Forward({}, receive), absl::UnavailableError("away"));
  EXPECT_EQ(received, 4);
  EXPECT_EQ(server_.inference.forward.requests().size(), 3u);
}

TEST_F(ClientRetryTest, CancellerEndsTheWaitForAnotherAttempt) {
  Canceller canceller;
  options_.retry.first = absl::Hours(1);
  options_.retry.give_up_after = absl::InfiniteDuration();
  options_.on_retry = [&](const absl::Status&, absl::Duration) { canceller.Cancel(); };
  server_.inference.forward.Add({{}, kAway});
  const auto receive = [](const v1::ForwardResponse&) { return absl::OkStatus(); };
  EXPECT_EQ(MakeClient()->Forward({}, receive, &canceller).code(), absl::StatusCode::kCancelled);
}

TEST_F(ClientRetryTest, LeavesWatchesToTheirFollower) {
  server_.jobs.watch.Add({{}, kAway});
  const auto receive = [](const v1::WatchJobResponse&) { return absl::OkStatus(); };
  EXPECT_EQ(MakeClient()->WatchJob({}, receive), absl::UnavailableError("away"));
  EXPECT_EQ(server_.jobs.watch.requests().size(), 1u);
}

TEST_F(ClientRetryTest, SubmitsAgainUnderTheSameRequestId) {
  std::vector<std::string> ids;
  server_.jobs.submit = [&](const v1::SubmitJobRequest& request, v1::SubmitJobResponse*) {
    ids.push_back(request.request_id());
    return ids.size() == 1 ? kAway : grpc::Status::OK;
  };
  const auto client = MakeClient();
  v1::SubmitJobRequest named;
  named.set_request_id("mine");
  ASSERT_TRUE(client->SubmitJob({}).ok());
  ASSERT_TRUE(client->SubmitJob({}).ok());
  ASSERT_TRUE(client->SubmitJob(named).ok());
  ASSERT_EQ(ids.size(), 4u);
  EXPECT_THAT(ids[0], StartsWith("auto-"));
  EXPECT_EQ(ids[0].size(), 5u + 32u);
  EXPECT_EQ(ids[1], ids[0]);
  EXPECT_NE(ids[2], ids[0]);
  EXPECT_EQ(ids[3], "mine");
}

}  // namespace
}  // namespace circuitd::client
