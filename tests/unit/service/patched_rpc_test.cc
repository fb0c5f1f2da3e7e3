// RunPatched over the wire: every kind of intervention, and what is refused.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "circuitd/v1/inference.grpc.pb.h"
#include "server/patching/patched_run.h"
#include "tests/unit/service/rpc_messages.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

v1::Tensor FloatTensor(const std::vector<int64_t>& shape, const std::vector<float>& values) {
  v1::Tensor tensor;
  tensor.set_data_type(v1::DATA_TYPE_FLOAT32);
  tensor.mutable_shape()->Add(shape.begin(), shape.end());
  tensor.set_data(values.data(), values.size() * sizeof(float));
  return tensor;
}

class PatchedRpcTest : public RpcTest {
 protected:
  grpc::Status RunPatched(const v1::RunPatchedRequest& request,
                          std::vector<v1::RunPatchedResponse>* messages = nullptr) {
    grpc::ClientContext context;
    const auto reader = Stub<v1::InferenceService>()->RunPatched(&context, request);
    auto received = ReadAll<v1::RunPatchedResponse>(*reader);
    if (messages != nullptr) *messages = std::move(received);
    return reader->Finish();
  }

  static v1::RunPatchedRequest NanoPatch() {
    v1::RunPatchedRequest request;
    request.set_model("nano");
    *request.add_prompts() = Ids({2, 1, 0});
    v1::Intervention& intervention = *request.add_interventions();
    intervention.set_hook("blocks.1.attn.hook_z");
    intervention.set_ablation(v1::ABLATION_ZERO);
    return request;
  }
};

TEST_F(PatchedRpcTest, PatchedRunChangesTheMetric) {
  v1::RunPatchedRequest request = NanoPatch();
  request.set_metric(v1::METRIC_LOGIT_DIFF);
  v1::Answer& answer = *request.add_answers();
  *answer.add_correct() = Ids({0});
  *answer.add_incorrect() = Ids({1});
  std::vector<v1::RunPatchedResponse> messages;
  const grpc::Status status = RunPatched(request, &messages);
  ASSERT_TRUE(status.ok()) << status.error_message();
  v1::RunPatchedSummary summary = messages.at(0).summary();
  EXPECT_EQ(summary.prompts_size(), 1);
  EXPECT_NE(summary.patched_metric().mean(), summary.unpatched_metric().mean());
  EXPECT_EQ(summary.patched_metric().per_prompt_size(), 1);
  EXPECT_EQ(summary.unpatched_metric().per_prompt_size(), 1);
  request.clear_interventions();
  ASSERT_TRUE(RunPatched(request, &messages).ok());
  summary = messages.at(0).summary();
  EXPECT_DOUBLE_EQ(summary.patched_metric().mean(), summary.unpatched_metric().mean());
}

TEST_F(PatchedRpcTest, EveryActionIsWhatTheLibraryMakesOfIt) {
  v1::RunPatchedRequest proto;
  proto.set_model("nano");
  *proto.add_prompts() = Ids({2, 1, 0});
  *proto.add_source_prompts() = Ids({0, 1, 2});
  const std::vector<float> ramp = [] {
    std::vector<float> values;
    for (int i = 0; i < 48; ++i) values.push_back(0.1f * static_cast<float>(i));
    return values;
  }();
  const auto add = [&](const std::string& hook) -> v1::Intervention& {
    proto.add_interventions()->set_hook(hook);
    return *proto.mutable_interventions(proto.interventions_size() - 1);
  };
  add("hook_embed").set_scale(0.5);
  *add("blocks.0.hook_resid_mid").mutable_set() = FloatTensor({48}, ramp);
  v1::Intervention& steer = add("blocks.0.hook_mlp_out");
  *steer.mutable_add()->mutable_vector() = FloatTensor({1, 48}, ramp);
  steer.mutable_add()->set_coefficient(-2);
  steer.mutable_positions()->add_indices(-1);
  v1::Intervention& heads = add("blocks.1.attn.hook_z");
  heads.set_ablation(v1::ABLATION_RESAMPLE);
  heads.add_heads(2);
  *heads.mutable_positions()->add_tokens() = Ids({1});
  v1::Intervention& pattern = add("blocks.2.attn.hook_pattern");
  pattern.set_ablation(v1::ABLATION_ZERO);
  pattern.mutable_key_positions()->add_indices(0);
  v1::Intervention& noise = add("blocks.2.hook_resid_post");
  noise.mutable_noise()->set_standard_deviation(0.25);
  noise.mutable_noise()->set_seed(uint64_t{1} << 60);
  proto.mutable_logits()->set_full_logits(v1::LOGITS_POSITIONS_ALL);
  proto.mutable_capture()->add_hooks("blocks.2.hook_resid_post");
  std::vector<v1::RunPatchedResponse> messages;
  const grpc::Status status = RunPatched(proto, &messages);
  ASSERT_TRUE(status.ok()) << status.error_message();

  PatchedRunRequest request;
  request.prompts = {{2, 1, 0}};
  request.source_prompts = {{0, 1, 2}};
  const HostTensor value{DType::kFloat32, {48}, std::string(reinterpret_cast<const char*>(ramp.data()), 48 * 4)};
  const HostTensor vector{DType::kFloat32, {1, 48}, value.data};
  request.interventions.push_back({{HookKind::kEmbed}, {}, {}, {}, ScaleBy{0.5}});
  request.interventions.push_back({{HookKind::kResidMid, 0}, {}, {}, {}, SetTo{value}});
  request.interventions.push_back({{HookKind::kMlpOut, 0}, {}, {{-1}, {}, {}}, {}, AddVector{vector, -2}});
  request.interventions.push_back({{HookKind::kZ, 1}, {2}, {{}, {1}, {}}, {}, Ablation::kResample});
  request.interventions.push_back({{HookKind::kPattern, 2}, {}, {}, {{0}, {}, {}}, Ablation::kZero});
  request.interventions.push_back({{HookKind::kResidPost, 2}, {}, {}, {}, AddNoise{0.25, uint64_t{1} << 60}});
  request.logits.full_logits = LogitsPositions::kAll;
  request.capture.hooks = {{HookKind::kResidPost, 2}};
  std::map<std::string, std::string> expected;
  const auto result =
      circuitd::RunPatched(*LoadDirectly("nano"), request, ForwardOptions{}, [&](std::string name, HostTensor tensor) {
        expected[name] = std::move(tensor.data);
        return absl::OkStatus();
      });
  ASSERT_TRUE(result.ok()) << result.status();
  const auto tensors = TensorsOf(messages);
  ASSERT_EQ(tensors.size(), 2u);
  EXPECT_EQ(tensors.at("logits/0").data, expected.at("logits/0"));
  EXPECT_EQ(tensors.at("blocks.2.hook_resid_post/0").data, expected.at("blocks.2.hook_resid_post/0"));
}

TEST_F(PatchedRpcTest, BadPatchesAreNamed) {
  const auto field = [this](const std::function<void(v1::RunPatchedRequest&)>& spoil) {
    v1::RunPatchedRequest request = NanoPatch();
    spoil(request);
    const grpc::Status status = RunPatched(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    return ViolatedField(status);
  };
  const auto bad = [&](const std::function<void(v1::Intervention&)>& spoil) {
    return field([&](auto& r) { spoil(*r.mutable_interventions(0)); });
  };
  EXPECT_EQ(bad([](auto& i) { i.clear_hook(); }), "interventions[0].hook");
  EXPECT_EQ(bad([](auto& i) { i.set_hook("blocks.3.attn.hook_z"); }), "interventions[0].hook");
  EXPECT_EQ(bad([](auto& i) { i.set_hook("blocks.99999999999.attn.hook_z"); }), "interventions[0].hook");
  EXPECT_EQ(bad([](auto& i) { i.set_hook("blocks.*.attn.hook_z"); }), "interventions[0].hook");
  EXPECT_EQ(bad([](auto& i) { i.set_hook("nonsense"); }), "interventions[0].hook");
  EXPECT_EQ(bad([](auto& i) { i.clear_action(); }), "interventions[0].action");
  EXPECT_EQ(bad([](auto& i) { i.set_ablation(v1::ABLATION_UNSPECIFIED); }), "interventions[0].ablation");
  EXPECT_EQ(bad([](auto& i) { i.set_ablation(static_cast<v1::Ablation>(99)); }), "interventions[0].ablation");
  EXPECT_EQ(bad([](auto& i) { i.add_heads(4'000'000'000u); }), "interventions[0].heads[0]");
  EXPECT_EQ(bad([](auto& i) {
              i.set_hook("blocks.1.hook_mlp_out");
              i.add_heads(0);
            }),
            "interventions[0].heads");
  EXPECT_EQ(bad([](auto& i) { i.mutable_positions()->add_indices(3); }), "interventions[0].positions.indices[0]");
  EXPECT_EQ(bad([](auto& i) { i.mutable_positions()->add_indices(INT32_MIN); }),
            "interventions[0].positions.indices[0]");
  EXPECT_EQ(bad([](auto& i) { i.mutable_positions()->mutable_indices()->Resize(1'000'000, 0); }),
            "interventions[0].positions.indices");
  EXPECT_EQ(bad([](auto& i) { *i.mutable_positions()->add_tokens() = Ids({}); }),
            "interventions[0].positions.tokens[0]");
  EXPECT_EQ(bad([](auto& i) { *i.mutable_positions()->add_tokens() = Ids({7}); }),
            "interventions[0].positions.tokens[0].tokens.ids[0]");
  EXPECT_EQ(bad([](auto& i) {
              for (int k = 0; k < 1001; ++k) *i.mutable_positions()->add_tokens() = Ids({0});
            }),
            "interventions[0].positions.tokens");
  EXPECT_EQ(bad([](auto& i) { i.mutable_positions()->add_roles("x"); }), "interventions[0].positions.roles[0]");
  EXPECT_EQ(bad([](auto& i) { i.mutable_key_positions()->add_indices(0); }), "interventions[0].key_positions");
  EXPECT_EQ(bad([](auto& i) { i.set_scale(NAN); }), "interventions[0].scale");
  EXPECT_EQ(bad([](auto& i) { i.mutable_noise()->set_standard_deviation(-1); }),
            "interventions[0].noise.standard_deviation");
  EXPECT_EQ(field([](auto& r) { r.mutable_interventions(0)->set_ablation(v1::ABLATION_MEAN); }), "source_prompts");
  EXPECT_EQ(field([](auto& r) {
              for (int i = 0; i < 1024; ++i) *r.add_interventions() = r.interventions(0);
            }),
            "interventions");
  EXPECT_EQ(field([](auto& r) { *r.add_interventions() = r.interventions(0); }), "interventions[1]");
  EXPECT_EQ(field([](auto& r) { r.set_metric(static_cast<v1::Metric>(50)); }), "metric");
  EXPECT_EQ(field([](auto& r) { *r.add_answers()->add_correct() = Ids({0, 1}); }), "answers[0].correct[0]");
  EXPECT_EQ(field([](auto& r) { r.mutable_capture()->add_hooks("nothing*"); }), "capture.hooks[0]");
}

TEST_F(PatchedRpcTest, TensorsThatAreNotWhatTheySayAreNamed) {
  const auto field = [this](const std::function<void(v1::Tensor&)>& spoil) {
    v1::RunPatchedRequest request = NanoPatch();
    v1::Tensor& tensor = *request.mutable_interventions(0)->mutable_set();
    tensor = FloatTensor({16}, std::vector<float>(16, 1));
    spoil(tensor);
    const grpc::Status status = RunPatched(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    return ViolatedField(status);
  };
  constexpr char kSet[] = "interventions[0].set";
  const auto of = [&](const char* part) { return std::string(kSet) + part; };
  EXPECT_EQ(field([](auto& t) { t.clear_data_type(); }), of(".data_type"));
  EXPECT_EQ(field([](auto& t) { t.set_data_type(v1::DATA_TYPE_INT64); }), of(".data_type"));
  EXPECT_EQ(field([](auto& t) { t.set_data_type(static_cast<v1::DataType>(77)); }), of(".data_type"));
  EXPECT_EQ(field([](auto& t) { t.set_data_type(v1::DATA_TYPE_FLOAT16); }), of(".data"));
  EXPECT_EQ(field([](auto& t) { t.clear_data(); }), of(".data"));
  EXPECT_EQ(field([](auto& t) { t.mutable_data()->push_back('\0'); }), of(".data"));
  EXPECT_EQ(field([](auto& t) { t.set_shape(0, -16); }), of(".shape[0]"));
  EXPECT_EQ(field([](auto& t) { t.set_shape(0, 0); }), of(".shape[0]"));
  EXPECT_EQ(field([](auto& t) { t.set_shape(0, 17); }), of(".data"));
  EXPECT_EQ(field([](auto& t) { t.set_shape(0, INT64_MAX); }), of(".shape"));
  EXPECT_EQ(field([](auto& t) {
              // Their product is 16 in 64 bits.
              t.set_shape(0, int64_t{1} << 32);
              t.add_shape(int64_t{1} << 32);
              t.add_shape(16);
            }),
            of(".shape"));
  EXPECT_EQ(field([](auto& t) { t.mutable_shape()->Resize(100, 1); }), of(".shape"));
  // What it says is true, but it is no value of this hook point.
  EXPECT_THAT(field([](auto& t) { t = FloatTensor({5}, std::vector<float>(5)); }), testing::StartsWith(kSet));
  EXPECT_THAT(field([](auto& t) { t = FloatTensor({1}, {NAN}); }), testing::StartsWith(kSet));
}

}  // namespace
}  // namespace circuitd
