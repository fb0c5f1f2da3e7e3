// Calls that wait together for one model: they run in one batch, and nobody's answer shows it.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "circuitd/v1/inference.grpc.pb.h"
#include "server/jobs/device_pool.h"
#include "server/jobs/store/sqlite_job_store.h"
#include "server/model/registry.h"
#include "server/service/byte_budget.h"
#include "server/service/dataset_store.h"
#include "server/service/idle_streams.h"
#include "server/service/inference_service.h"
#include "server/service/server_options.h"
#include "server/service/server_parts.h"
#include "server/service/speed_meter.h"
#include "server/telemetry/metrics.h"
#include "tests/unit/service/rpc_messages.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

// The inference service with what it needs, of which the test holds the ends.
class JointCallsTest : public testing::Test {
 protected:
  JointCallsTest() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(service_.get());
    server_ = builder.BuildAndStart();
    stub_ = v1::InferenceService::NewStub(
        grpc::CreateChannel("127.0.0.1:" + std::to_string(port_), grpc::InsecureChannelCredentials()));
    // The model is loaded from here on.
    v1::ForwardRequest request;
    request.set_model("nano");
    *request.add_prompts() = Ids({0});
    EXPECT_TRUE(Forward(request).status.ok());
  }

  ~JointCallsTest() override {
    server_->Shutdown();
    preparing_.Stop();
    loading_.Stop();
    devices_.Stop();
  }

  template <typename Response>
  struct Reply {
    grpc::Status status;
    std::vector<Response> messages;
  };

  Reply<v1::ForwardResponse> Forward(const v1::ForwardRequest& request) {
    grpc::ClientContext context;
    return Read<v1::ForwardResponse>(*stub_->Forward(&context, request));
  }

  Reply<v1::RunPatchedResponse> RunPatched(const v1::RunPatchedRequest& request) {
    grpc::ClientContext context;
    return Read<v1::RunPatchedResponse>(*stub_->RunPatched(&context, request));
  }

  template <typename Response, typename Reader>
  static Reply<Response> Read(Reader& reader) {
    std::vector<Response> messages = ReadAll<Response>(reader);
    return {reader.Finish(), std::move(messages)};
  }

  // Keeps the device from running anything from now on, until `body` has returned and `calls` wait.
  template <typename Body>
  void HoldDeviceUntilTheyWait(int calls, const Body& body) {
    std::promise<void> began, release, ended;
    const auto hold = [&] {
      began.set_value();
      release.get_future().wait();
      return absl::OkStatus();
    };
    ASSERT_TRUE(Device().Enqueue({nullptr, hold, [&](const absl::Status&) { ended.set_value(); }}).ok());
    began.get_future().wait();
    body();
    while (Device().queued_calls() < calls) std::this_thread::yield();
    release.set_value();
    ended.get_future().wait();
  }

  DeviceWorker& Device() { return devices_.Worker("cpu"); }

  const ServerOptions options_ = TestOptions();
  Metrics metrics_{"test"};
  ModelRegistry models_{options_.models};
  DatasetStore datasets_{options_.max_dataset_bytes, options_.max_stored_dataset_bytes};
  ByteBudget requests_{int64_t{1} << 30}, replies_{int64_t{1} << 30};
  IdleStreams idle_streams_{absl::Minutes(1)};
  SpeedMeter speed_;
  const client::TempFolder folder_;
  JobManager jobs_{{}, OpenSqliteJobStore(":memory:").value(), ArtifactFolder::Open(folder_.path()).value(), {}};
  DevicePool devices_{jobs_, options_.max_queued_calls};
  DeviceWorker preparing_{"preparing", options_.max_queued_calls}, loading_{"loading", options_.max_queued_calls};
  const ServerParts parts_{options_, models_,   datasets_, jobs_,         devices_, preparing_,
                           loading_, requests_, replies_,  idle_streams_, speed_,   metrics_};
  const std::unique_ptr<grpc::Service> service_ = MakeInferenceService(parts_);
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::InferenceService::Stub> stub_;
};

v1::ForwardRequest ForwardOf(const std::vector<uint32_t>& ids) {
  v1::ForwardRequest request;
  request.set_model("nano");
  *request.add_prompts() = Ids(ids);
  request.mutable_logits()->set_full_logits(v1::LOGITS_POSITIONS_ALL);
  request.mutable_capture()->add_hooks("blocks.1.attn.hook_pattern");
  return request;
}

v1::RunPatchedRequest PatchOf(const std::vector<uint32_t>& ids, double scale) {
  v1::RunPatchedRequest request;
  request.set_model("nano");
  *request.add_prompts() = Ids(ids);
  v1::Intervention& intervention = *request.add_interventions();
  intervention.set_hook("blocks.2.hook_resid_post");
  intervention.set_scale(scale);
  request.mutable_logits()->set_full_logits(v1::LOGITS_POSITIONS_ALL);
  return request;
}

template <typename Response>
void ExpectSameTensors(const std::vector<Response>& together, const std::vector<Response>& alone) {
  const auto expected = TensorsOf(alone);
  const auto tensors = TensorsOf(together);
  ASSERT_EQ(tensors.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_EQ(tensors.count(name), 1u) << name;
    EXPECT_EQ(tensors.at(name).shape, tensor.shape);
    const std::vector<float> values = tensors.at(name).floats(), expected_values = tensor.floats();
    ASSERT_EQ(values.size(), expected_values.size());
    for (size_t i = 0; i < values.size(); ++i) EXPECT_NEAR(values[i], expected_values[i], 1e-5) << name;
  }
}

TEST_F(JointCallsTest, CallsThatWaitTogetherRunInOneBatchAndAreAnsweredAsAlone) {
  const std::vector<v1::ForwardRequest> forwards = {ForwardOf({2, 1, 0}), ForwardOf({1}), ForwardOf({0, 1, 2, 2, 1})};
  const v1::RunPatchedRequest patch = PatchOf({1, 2}, 0.5);
  std::vector<std::future<Reply<v1::ForwardResponse>>> together;
  std::future<Reply<v1::RunPatchedResponse>> patched;
  HoldDeviceUntilTheyWait(4, [&] {
    for (const v1::ForwardRequest& request : forwards) {
      together.push_back(std::async(std::launch::async, [this, request] { return Forward(request); }));
    }
    patched = std::async(std::launch::async, [&] { return RunPatched(patch); });
  });
  for (size_t i = 0; i < forwards.size(); ++i) {
    const auto reply = together[i].get();
    ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
    ExpectSameTensors(reply.messages, Forward(forwards[i]).messages);
  }
  const auto reply = patched.get();
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  ExpectSameTensors(reply.messages, RunPatched(patch).messages);
  // One before, four together, and four alone.
  const std::string text = metrics_.Text();
  EXPECT_THAT(text, HasSubstr("circuitd_joint_calls_bucket{le=\"1\"} 5\n"));
  EXPECT_THAT(text, HasSubstr("circuitd_joint_calls_sum 9\n"));
  EXPECT_THAT(text, HasSubstr("circuitd_joint_calls_count 6\n"));
}

TEST_F(JointCallsTest, WhoFailsOrGoesLeavesTheOthersAlone) {
  const v1::ForwardRequest forward = ForwardOf({2, 1, 0});
  grpc::ClientContext goes;
  std::future<Reply<v1::ForwardResponse>> gone, answered;
  std::future<Reply<v1::RunPatchedResponse>> failed;
  HoldDeviceUntilTheyWait(3, [&] {
    gone = std::async(std::launch::async, [&] {
      return Read<v1::ForwardResponse>(*stub_->Forward(&goes, ForwardOf({1, 1})));
    });
    while (Device().queued_calls() < 1) std::this_thread::yield();
    // Its residual stream is infinite.
    failed = std::async(std::launch::async, [&] { return RunPatched(PatchOf({1, 2}, 3e38)); });
    answered = std::async(std::launch::async, [&] { return Forward(forward); });
    goes.TryCancel();
  });
  EXPECT_EQ(gone.get().status.error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(failed.get().status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  const auto reply = answered.get();
  ASSERT_TRUE(reply.status.ok()) << reply.status.error_message();
  ExpectSameTensors(reply.messages, Forward(forward).messages);
}

}  // namespace
}  // namespace circuitd
