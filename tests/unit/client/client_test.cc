#include "client/client.h"

#include <future>

#include "base/sha256.h"
#include "client/channel.h"
#include "client/dataset_upload.h"
#include "client/rpc_status.h"
#include "client/utf8_fields.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"
#include "tests/unit/client/scripted_server.h"

namespace circuitd::client {
namespace {

std::unique_ptr<Client> MakeClient(const ScriptedServer& server, ClientOptions options = {}) {
  return std::move(*Client::Create(MakeChannel(server.address()), std::move(options)));
}

TEST(ChannelTest, AddsTheDefaultPortToABareHost) {
  EXPECT_EQ(WithDefaultPort("gpu-server"), "gpu-server:50051");
  EXPECT_EQ(WithDefaultPort("gpu-server:7"), "gpu-server:7");
  EXPECT_EQ(WithDefaultPort("unix:/run/circuitd.sock"), "unix:/run/circuitd.sock");
}

TEST(ClientTest, SaysWhoTheUserIs) {
  ScriptedServer server;
  std::string user;
  server.jobs.get = [&](grpc::ServerContext* context, const v1::GetJobRequest&, v1::GetJobResponse*) {
    const auto found = context->client_metadata().find("circuitd-user");
    if (found != context->client_metadata().end()) user.assign(found->second.data(), found->second.size());
    return grpc::Status::OK;
  };
  ASSERT_TRUE(MakeClient(server, {.user = "ada"})->GetJob({}).ok());
  EXPECT_EQ(user, "ada");
}

TEST(ClientTest, RefusesAUserThatMetadataCannotCarry) {
  for (const char* user : {"a\nb", "\xc3\xa9", "\x7f"}) {
    EXPECT_EQ(Client::Create(MakeChannel("127.0.0.1:1"), {.user = user}).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(ClientTest, EndsACallAtItsTimeLimit) {
  ScriptedServer server;
  std::promise<void> answered;
  server.jobs.get = [&](grpc::ServerContext*, const v1::GetJobRequest&, v1::GetJobResponse*) {
    answered.get_future().wait();
    return grpc::Status::OK;
  };
  EXPECT_EQ(MakeClient(server, {.call_timeout = absl::Milliseconds(50)})->GetJob({}).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  answered.set_value();
}

TEST(ClientTest, NamesTheFieldThatIsNotUtf8) {
  ScriptedServer server;
  v1::SubmitJobRequest request;
  (*request.mutable_spec()->mutable_labels())["k"] = "v";
  request.mutable_spec()->mutable_node_pruning()->mutable_prompts()->mutable_task()->add_variants("a\xff");
  const absl::Status status = MakeClient(server)->SubmitJob(request).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "spec.node_pruning.prompts.task.variants[0]: invalid UTF-8 at byte 1");
}

TEST(ClientTest, LeavesBytesFieldsToTheServer) {
  v1::TokenizeRequest request;
  request.add_prompts()->set_text("\xff");
  EXPECT_TRUE(CheckStringsAreUtf8(request).ok());
}

TEST(ChannelTest, ReportsAnAbsentServerAtOnce) {
  const auto channel = MakeChannel("127.0.0.1:1");
  ASSERT_TRUE(AwaitConnection(*channel, "127.0.0.1:1", absl::Seconds(30)).ok());
  const auto client = Client::Create(channel, {.retry = {.give_up_after = absl::ZeroDuration()}});
  EXPECT_EQ((*client)->GetJob({}).status().code(), absl::StatusCode::kUnavailable);
}

TEST(ChannelTest, KnowsLoopbackAddresses) {
  for (const char* server : {"127.0.0.1:50051", "localhost:1", "localhost", "[::1]:1", "unix:/run/x"}) {
    EXPECT_TRUE(IsLoopback(server)) << server;
  }
  for (const char* server : {"gpu.lab:50051", "10.0.0.1:1", "localhost.evil:1", "1127.0.0.1:1"}) {
    EXPECT_FALSE(IsLoopback(server)) << server;
  }
}

TEST(EnsureDatasetTest, UploadsOnceAndInChunks) {
  ScriptedServer server;
  const auto client = MakeClient(server);
  const std::string bytes(1'000'000, 'x');
  for (int i = 0; i < 2; ++i) {
    const auto sha256 = EnsureDataset(*client, v1::DATASET_FORMAT_PAIRS, bytes);
    ASSERT_TRUE(sha256.ok()) << sha256.status();
    EXPECT_EQ(*sha256, Sha256Hex(bytes));
  }
  EXPECT_EQ(server.datasets.uploads, 1);
  EXPECT_EQ(server.datasets.received, bytes);
  EXPECT_EQ(server.datasets.header.format(), v1::DATASET_FORMAT_PAIRS);
  ASSERT_TRUE(EnsureDataset(*client, v1::DATASET_FORMAT_PUBLISHED, bytes).ok());
  EXPECT_EQ(server.datasets.uploads, 2);
}

TEST(EnsureDatasetTest, ReportsARefusalInTheMiddleOfAnUpload) {
  ScriptedServer server;
  server.datasets.refusal = grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "too long");
  const absl::Status status =
      EnsureDataset(*MakeClient(server), v1::DATASET_FORMAT_PAIRS, std::string(64 << 20, 'x')).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(status.message(), "too long");
}

grpc::Status WithDetails(const std::string& message, const google::protobuf::Message& detail) {
  google::rpc::Status details;
  details.add_details()->PackFrom(detail);
  return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, message, details.SerializeAsString());
}

TEST(FromGrpcTest, KeepsCodeAndMessage) {
  EXPECT_TRUE(FromGrpc(grpc::Status::OK).ok());
  EXPECT_EQ(FromGrpc(grpc::Status(grpc::StatusCode::NOT_FOUND, "x")), absl::NotFoundError("x"));
}

TEST(FromGrpcTest, AppendsViolationsThatTheMessageDoesNotName) {
  google::rpc::BadRequest bad_request;
  auto* violation = bad_request.add_field_violations();
  violation->set_field("threshold");
  violation->set_description("150, must be 0-100");
  EXPECT_EQ(FromGrpc(WithDetails("threshold: 150, must be 0-100", bad_request)).message(),
            "threshold: 150, must be 0-100");
  EXPECT_EQ(FromGrpc(WithDetails("bad request", bad_request)).message(), "bad request; threshold: 150, must be 0-100");
}

TEST(FromGrpcTest, SaysWhenToTryAgain) {
  google::rpc::RetryInfo retry;
  retry.mutable_retry_delay()->set_seconds(5);
  EXPECT_EQ(FromGrpc(WithDetails("queue is full", retry)).message(), "queue is full (try again in 5s)");
}

TEST(FromGrpcTest, SurvivesDetailsThatDoNotParse) {
  EXPECT_EQ(FromGrpc(grpc::Status(grpc::StatusCode::INTERNAL, "x", "\xff\xff\xff")), absl::InternalError("x"));
}

}  // namespace
}  // namespace circuitd::client
