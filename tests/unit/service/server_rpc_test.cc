#include <gmock/gmock.h>
#include <grpcpp/impl/codegen/client_unary_call.h>

#include "absl/time/clock.h"
#include "circuitd/v1/dataset.grpc.pb.h"
#include "circuitd/v1/server.grpc.pb.h"
#include "server/service/version.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

TEST_F(RpcTest, GetServerInfoTellsVersionDevicesAndLimits) {
  grpc::ClientContext context;
  v1::GetServerInfoResponse response;
  ASSERT_TRUE(Stub<v1::ServerService>()->GetServerInfo(&context, {}, &response).ok());
  EXPECT_EQ(response.version(), kVersion);
  EXPECT_EQ(response.default_device(), "cpu");
  ASSERT_GE(response.devices_size(), 1);
  EXPECT_EQ(response.devices(0).name(), "cpu");
  EXPECT_EQ(response.limits().max_num_samples(), 4096u);
  EXPECT_EQ(response.limits().max_queued_jobs(), 256u);
  EXPECT_EQ(response.limits().max_queued_jobs_per_user(), 64u);
  EXPECT_EQ(response.limits().max_running_jobs_per_user(), 8u);
  EXPECT_EQ(response.limits().retention_age().seconds(), 30 * 24 * 3600);
  EXPECT_EQ(response.limits().retention_bytes(), uint64_t{10} << 30);
}

TEST_F(RpcTest, GetServerInfoTellsWhatADeviceDoes) {
  const auto stub = Stub<v1::ServerService>();
  const auto ask = [&] {
    grpc::ClientContext context;
    v1::GetServerInfoResponse response;
    EXPECT_TRUE(stub->GetServerInfo(&context, {}, &response).ok());
    return response;
  };
  const auto nanoseconds = [](const google::protobuf::Duration& duration) {
    return duration.seconds() * 1'000'000'000 + duration.nanos();
  };
  const v1::GetServerInfoResponse idle = ask();
  EXPECT_EQ(nanoseconds(idle.devices(0).busy_time()), 0);
  EXPECT_EQ(idle.devices(0).running_job(), "");
  EXPECT_GT(idle.devices(0).used_memory_bytes(), 0u);
  EXPECT_GT(nanoseconds(idle.uptime()), 0);
  EXPECT_LE(absl::FromUnixSeconds(idle.start_time().seconds()), absl::Now());

  const v1::Job job = Submit(LongJob());
  WaitForDecision(job.name());
  const v1::GetServerInfoResponse busy = ask();
  EXPECT_EQ(busy.devices(0).running_job(), job.name());
  EXPECT_EQ(busy.devices(0).running_calls(), 0u);
  EXPECT_EQ(busy.devices(0).waiting_calls(), 0u);
  EXPECT_GT(nanoseconds(busy.devices(0).busy_time()), 0);
  EXPECT_LT(nanoseconds(busy.devices(0).busy_time()), nanoseconds(busy.uptime()));
  EXPECT_EQ(busy.start_time().seconds(), idle.start_time().seconds());
  // While the job runs, the device is never idle.
  const v1::GetServerInfoResponse later = ask();
  EXPECT_GT(nanoseconds(later.devices(0).busy_time()), nanoseconds(busy.devices(0).busy_time()));
}

// A unary call of any name with an empty request.
grpc::Status CallByName(grpc::Channel& channel, const char* method) {
  grpc::ClientContext context;
  v1::GetServerInfoRequest request;
  v1::GetServerInfoResponse response;
  const grpc::internal::RpcMethod rpc(method, grpc::internal::RpcMethod::NORMAL_RPC);
  return grpc::internal::BlockingUnaryCall<v1::GetServerInfoRequest, v1::GetServerInfoResponse,
                                           google::protobuf::MessageLite, google::protobuf::MessageLite>(
      &channel, rpc, &context, request, &response);
}

TEST_F(RpcTest, UnknownMethodsAreUnimplemented) {
  EXPECT_TRUE(CallByName(*channel_, "/circuitd.v1.ServerService/GetServerInfo").ok());
  for (const char* method : {"/circuitd.v1.ServerService/Explode", "/circuitd.v1.FutureService/Do", "/foo.Bar/Baz",
                             "/foo/Baz", "/JobService/GetJob"}) {
    EXPECT_EQ(CallByName(*channel_, method).error_code(), grpc::StatusCode::UNIMPLEMENTED) << method;
  }
}

TEST_F(RpcTest, DrainDoesNotWaitForStreamsOnWhichNothingHappens) {
  ServerOptions options = TestOptions();
  options.drain_timeout = options.stream_idle_timeout = absl::Hours(1);
  Start(options);
  grpc::ClientContext context;
  v1::UploadDatasetResponse response;
  const auto writer = Stub<v1::DatasetService>()->UploadDataset(&context, &response);
  v1::UploadDatasetRequest header;
  header.mutable_header()->set_format(v1::DATASET_FORMAT_PAIRS);
  ASSERT_TRUE(writer->Write(header));
  server_->Drain();
  EXPECT_FALSE(writer->Finish().ok());
}

TEST_F(RpcTest, PortInUseIsSaidClearly) {
  const client::TempFolder folder;
  ServerOptions options = TestOptions();
  options.data_dir = folder.path();
  options.address = "127.0.0.1:" + std::to_string(server_->port());
  const absl::Status status = CircuitServer::Start(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(options.address));
}

TEST_F(RpcTest, DataFolderInUseIsSaidClearly) {
  ServerOptions options = TestOptions();
  options.data_dir = data_folder_.path();
  const absl::Status status = CircuitServer::Start(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--data-dir"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("in use"));
}

TEST_F(RpcTest, FailedStartUpLoadEndsTheStart) {
  const client::TempFolder folder;
  ServerOptions options = TestOptions();
  options.data_dir = folder.path();
  options.load = {"gpt5"};
  const absl::Status status = CircuitServer::Start(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--load"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("gpt5"));
}

}  // namespace
}  // namespace circuitd
