// Forward with captured activations, a metric and named positions.
#include <gmock/gmock.h>

#include <functional>
#include <map>

#include "circuitd/v1/inference.grpc.pb.h"
#include "server/model/forward.h"
#include "tests/unit/service/rpc_messages.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

class CaptureRpcTest : public RpcTest {
 protected:
  grpc::Status Forward(const v1::ForwardRequest& request, std::vector<v1::ForwardResponse>* messages = nullptr) {
    grpc::ClientContext context;
    const auto reader = Stub<v1::InferenceService>()->Forward(&context, request);
    auto received = ReadAll<v1::ForwardResponse>(*reader);
    if (messages != nullptr) *messages = std::move(received);
    return reader->Finish();
  }

  static v1::ForwardRequest NanoForward() {
    v1::ForwardRequest request;
    request.set_model("nano");
    *request.add_prompts() = Ids({2, 1, 0});
    *request.add_prompts() = Ids({0});
    return request;
  }
};

TEST_F(CaptureRpcTest, ForwardCapturesAndMeasuresAsTheLibraryDoes) {
  v1::ForwardRequest proto = NanoForward();
  (*proto.mutable_prompts(0)->mutable_roles())["here"] = 1;
  (*proto.mutable_prompts(1)->mutable_roles())["here"] = 0;
  for (const char* hook : {"blocks.2.hook_resid_post", "blocks.*.attn.hook_z", "blocks.1.attn.hook_z"}) {
    proto.mutable_capture()->add_hooks(hook);
  }
  proto.mutable_capture()->add_heads(2);
  proto.mutable_capture()->mutable_positions()->add_roles("here");
  proto.set_metric(v1::METRIC_RANK);
  for (int i = 0; i < 2; ++i) *proto.add_answers()->add_correct() = Ids({1});
  std::vector<v1::ForwardResponse> messages;
  const grpc::Status status = Forward(proto, &messages);
  ASSERT_TRUE(status.ok()) << status.error_message();

  ForwardRequest request;
  request.prompts = {{2, 1, 0}, {0}};
  request.roles = {{{"here", 1}}, {{"here", 0}}};
  request.capture.hooks = {{HookKind::kZ, 0}, {HookKind::kZ, 1}, {HookKind::kZ, 2}, {HookKind::kResidPost, 2}};
  request.capture.heads = {2};
  request.capture.positions.roles = {"here"};
  request.metric = Metric::kRank;
  request.answers = {{{1}, {}}, {{1}, {}}};
  std::map<std::string, HostTensor> expected;
  const auto result =
      RunForward(*LoadDirectly("nano"), request, ForwardOptions{}, [&](std::string name, HostTensor tensor) {
        expected[name] = std::move(tensor);
        return absl::OkStatus();
      });
  ASSERT_TRUE(result.ok()) << result.status();
  const v1::MetricValue& metric = messages[0].summary().metric();
  EXPECT_THAT(metric.per_prompt(), testing::ElementsAreArray(result->metric));
  EXPECT_DOUBLE_EQ(metric.mean(), (result->metric[0] + result->metric[1]) / 2);
  const auto tensors = TensorsOf(messages);
  EXPECT_EQ(tensors.size(), 8u);
  ASSERT_EQ(tensors.size(), expected.size());
  for (const auto& [name, tensor] : expected) {
    ASSERT_EQ(tensors.count(name), 1u) << name;
    EXPECT_EQ(tensors.at(name).shape, tensor.shape) << name;
    EXPECT_EQ(tensors.at(name).data, tensor.data) << name;
  }
  EXPECT_THAT(tensors.at("blocks.1.attn.hook_z/0").shape, testing::ElementsAre(1, 1, 16));
}

TEST_F(CaptureRpcTest, BadCapturesMetricsAndRolesAreNamed) {
  const auto field = [this](const std::function<void(v1::ForwardRequest&)>& spoil) {
    v1::ForwardRequest request = NanoForward();
    spoil(request);
    const grpc::Status status = Forward(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    return ViolatedField(status);
  };
  EXPECT_EQ(field([](auto& r) { r.mutable_capture()->add_hooks("blocks.9.hook_mlp_out"); }), "capture.hooks[0]");
  EXPECT_EQ(field([](auto& r) { r.mutable_capture()->add_hooks(""); }), "capture.hooks[0]");
  EXPECT_EQ(field([](auto& r) { r.mutable_capture()->add_hooks(std::string(100'000, '*')); }), "capture.hooks[0]");
  EXPECT_EQ(field([](auto& r) {
              for (int i = 0; i < 2049; ++i) r.mutable_capture()->add_hooks("*");
            }),
            "capture.hooks");
  EXPECT_EQ(field([](auto& r) {
              r.mutable_capture()->add_hooks("*z");
              r.mutable_capture()->add_heads(3);
            }),
            "capture.heads[0]");
  EXPECT_EQ(field([](auto& r) {
              r.mutable_capture()->add_hooks("*z");
              r.mutable_capture()->mutable_positions()->add_indices(-2);
            }),
            "capture.positions.indices[0]");
  EXPECT_EQ(field([](auto& r) {
              for (int i = 0; i < 12; ++i) r.mutable_capture()->mutable_positions()->add_indices(i);
            }),
            "capture.positions.indices");
  EXPECT_EQ(field([](auto& r) {
              *r.mutable_capture()->mutable_positions()->add_tokens() = Ids({0, 1});
            }),
            "capture.positions.tokens[0]");
  EXPECT_EQ(field([](auto& r) {
              r.mutable_capture()->add_hooks("*z");
              r.mutable_capture()->mutable_positions()->add_roles("nowhere");
            }),
            "capture.positions.roles[0]");
  EXPECT_EQ(field([](auto& r) {
              for (int i = 0; i < 65; ++i) r.mutable_capture()->mutable_positions()->add_roles("x");
            }),
            "capture.positions.roles");
  EXPECT_EQ(field([](auto& r) { (*r.mutable_prompts(1)->mutable_roles())["last"] = 1; }), "prompts[1].roles[\"last\"]");
  EXPECT_EQ(field([](auto& r) { (*r.mutable_prompts(1)->mutable_roles())[""] = 0; }), "prompts[1].roles");
  EXPECT_EQ(field([](auto& r) { (*r.mutable_prompts(1)->mutable_roles())[std::string(64, 'x')] = 0; }),
            "prompts[1].roles");
  EXPECT_EQ(field([](auto& r) {
              for (int i = 0; i < 65; ++i) (*r.mutable_prompts(0)->mutable_roles())[std::to_string(i)] = 0;
            }),
            "prompts[0].roles");
  EXPECT_EQ(field([](auto& r) { r.set_metric(v1::METRIC_KL_DIV); }), "metric");
  EXPECT_EQ(field([](auto& r) { r.set_metric(static_cast<v1::Metric>(50)); }), "metric");
  EXPECT_EQ(field([](auto& r) { r.set_metric(v1::METRIC_NLL); }), "answers");
  EXPECT_EQ(field([](auto& r) {
              r.set_metric(v1::METRIC_NLL);
              *r.add_answers()->add_correct() = Ids({1});
              r.add_answers();
            }),
            "answers[1].correct");
  EXPECT_EQ(field([](auto& r) { r.set_multi_token_answers(static_cast<v1::MultiTokenAnswers>(7)); }),
            "multi_token_answers");
}

TEST_F(CaptureRpcTest, LargeCapturesAreRefusedBeforeTheyAreMade) {
  ServerOptions options = TestOptions();
  // 3 layers x 3 heads x 16 x 4 positions in float32.
  options.max_reply_bytes = 2304;
  Start(options);
  v1::ForwardRequest request = NanoForward();
  request.mutable_capture()->add_hooks("*z");
  EXPECT_TRUE(Forward(request).ok());
  request.mutable_logits()->set_full_logits(v1::LOGITS_POSITIONS_LAST);
  const grpc::Status status = Forward(request);
  EXPECT_EQ(ViolatedField(status), "capture");
  EXPECT_THAT(status.error_message(), HasSubstr("2328 bytes, max_reply_bytes is 2304"));
}

}  // namespace
}  // namespace circuitd
