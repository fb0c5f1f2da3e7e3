#include <gmock/gmock.h>

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
  EXPECT_EQ(response.limits().max_queued_jobs(), 64u);
}

TEST_F(RpcTest, PortInUseIsSaidClearly) {
  ServerOptions options = TestOptions();
  options.address = "127.0.0.1:" + std::to_string(server_->port());
  const absl::Status status = CircuitServer::Start(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr(options.address));
}

TEST_F(RpcTest, FailedStartUpLoadEndsTheStart) {
  ServerOptions options = TestOptions();
  options.load = {"gpt5"};
  const absl::Status status = CircuitServer::Start(options).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("--load"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("gpt5"));
}

}  // namespace
}  // namespace circuitd
