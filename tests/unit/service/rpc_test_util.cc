#include "tests/unit/service/rpc_test_util.h"

#include <filesystem>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/model/registry.h"

namespace circuitd {

ServerOptions TestOptions() {
  const std::string models = CIRCUITD_SOURCE_DIR "/../shared/models";
  EXPECT_TRUE(std::filesystem::exists(models)) << "the shared material is not there: " << models;
  ServerOptions options;
  options.address = "127.0.0.1:0";
  options.metrics_address = "";
  options.models.locations.folders = {{"nano", models + "/nano-sort"}, {"seqcont", models + "/seqcont-4l"}};
  return options;
}

void RpcTest::Start(ServerOptions options) {
  server_.reset();
  if (options.data_dir.empty()) options.data_dir = data_folder_.path();
  auto server = CircuitServer::Start(std::move(options));
  ASSERT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(server_->port()), grpc::InsecureChannelCredentials());
}

v1::SubmitJobRequest RpcTest::SmallJob() {
  v1::SubmitJobRequest request;
  v1::NodePruningSpec& spec = *request.mutable_spec()->mutable_node_pruning();
  spec.set_model("seqcont");
  spec.mutable_prompts()->mutable_task()->set_task("numerals");
  spec.mutable_prompts()->set_num_samples(1);
  spec.set_threshold(20);
  spec.set_max_iterations(1);
  return request;
}

v1::SubmitJobRequest RpcTest::LongJob() {
  v1::SubmitJobRequest request = SmallJob();
  v1::NodePruningSpec& spec = *request.mutable_spec()->mutable_node_pruning();
  spec.mutable_prompts()->set_num_samples(64);
  spec.clear_max_iterations();
  return request;
}

v1::Job RpcTest::Submit(const v1::SubmitJobRequest& request) {
  grpc::ClientContext context;
  v1::SubmitJobResponse response;
  const grpc::Status status = Stub<v1::JobService>()->SubmitJob(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.job();
}

std::vector<v1::WatchJobResponse> RpcTest::Watch(const std::string& name, uint64_t after) {
  grpc::ClientContext context;
  v1::WatchJobRequest request;
  request.set_name(name);
  request.set_after_sequence(after);
  const auto reader = Stub<v1::JobService>()->WatchJob(&context, request);
  std::vector<v1::WatchJobResponse> messages;
  for (v1::WatchJobResponse message; reader->Read(&message);) messages.push_back(message);
  const grpc::Status status = reader->Finish();
  EXPECT_TRUE(status.ok()) << status.error_message();
  return messages;
}

void RpcTest::WaitForDecision(const std::string& name) {
  grpc::ClientContext context;
  v1::WatchJobRequest request;
  request.set_name(name);
  const auto reader = Stub<v1::JobService>()->WatchJob(&context, request);
  v1::WatchJobResponse message;
  while (reader->Read(&message)) {
    if (message.event().has_decision()) break;
  }
  EXPECT_TRUE(message.event().has_decision());
  context.TryCancel();
  while (reader->Read(&message)) {
  }
  reader->Finish();
}

std::shared_ptr<const Model> RpcTest::LoadDirectly(const std::string& name) {
  ModelRegistry models(TestOptions().models);
  auto model = models.Load(name, LoadOptions{});
  EXPECT_TRUE(model.ok()) << model.status();
  return *std::move(model);
}

std::string ViolatedField(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::BadRequest bad_request;
  if (!details.ParseFromString(status.error_details()) || details.details_size() == 0 ||
      !details.details(0).UnpackTo(&bad_request) || bad_request.field_violations_size() == 0) {
    return "";
  }
  return bad_request.field_violations(0).field();
}

}  // namespace circuitd
