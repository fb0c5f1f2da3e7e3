// PatchingService: sweeps and path patching as the library runs them, with progress, and what is refused.
#include <gmock/gmock.h>

#include <functional>

#include "circuitd/v1/inference.grpc.pb.h"
#include "circuitd/v1/patching.grpc.pb.h"
#include "server/patching/patching_sweep.h"
#include "server/patching/path_patching.h"
#include "tests/unit/service/rpc_messages.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::NanSensitiveFloatEq;
using testing::Pointwise;

PromptPairs NanoPairs() { return {{{2, 1, 0, 1}, {2, 2, 0, 1}, {0}, {1}, {}}, {{0, 0, 1}, {1, 0, 1}, {0}, {1}, {}}}; }

class PatchingRpcTest : public RpcTest {
 protected:
  grpc::Status Sweep(const v1::RunSweepRequest& request, std::vector<v1::RunSweepResponse>* messages = nullptr) {
    grpc::ClientContext context;
    const auto reader = Stub<v1::PatchingService>()->RunSweep(&context, request);
    auto received = ReadAll<v1::RunSweepResponse>(*reader);
    if (messages != nullptr) *messages = std::move(received);
    return reader->Finish();
  }

  grpc::Status PatchPaths(const v1::RunPathPatchingRequest& request,
                          std::vector<v1::RunPathPatchingResponse>* messages = nullptr) {
    grpc::ClientContext context;
    const auto reader = Stub<v1::PatchingService>()->RunPathPatching(&context, request);
    auto received = ReadAll<v1::RunPathPatchingResponse>(*reader);
    if (messages != nullptr) *messages = std::move(received);
    return reader->Finish();
  }

  static v1::RunSweepRequest NanoSweep() {
    v1::RunSweepRequest request;
    request.set_model("nano");
    *request.mutable_prompts() = NanoSource();
    request.add_hooks("hook_resid_pre");
    request.add_hooks("attn.hook_z");
    return request;
  }

  static v1::RunPathPatchingRequest NanoPaths() {
    v1::RunPathPatchingRequest request;
    request.set_model("nano");
    *request.mutable_prompts() = NanoSource();
    v1::Node& head = *request.add_receivers();
    head.set_kind(v1::NODE_KIND_ATTENTION_HEAD);
    head.set_layer(1);
    head.set_head(2);
    head.set_input(v1::HEAD_INPUT_V);
    request.add_receivers()->set_kind(v1::NODE_KIND_LOGITS);
    return request;
  }

  // Takes minutes.
  static v1::RunSweepRequest LongSweep() {
    v1::RunSweepRequest request;
    request.set_model("seqcont");
    *request.mutable_prompts() = NumeralsSource(256);
    for (const char* hook : {"hook_resid_pre", "hook_attn_out", "hook_mlp_out", "attn.hook_q", "attn.hook_k"}) {
      request.add_hooks(hook);
    }
    return request;
  }

  grpc::Status Forward() {
    v1::ForwardRequest request;
    request.set_model("seqcont");
    *request.add_prompts() = Ids({1});
    grpc::ClientContext context;
    const auto reader = Stub<v1::InferenceService>()->Forward(&context, request);
    ReadAll<v1::ForwardResponse>(*reader);
    return reader->Finish();
  }
};

TEST_F(PatchingRpcTest, SweepIsTheLibrarys) {
  v1::RunSweepRequest proto = NanoSweep();
  proto.set_direction(v1::PATCHING_DIRECTION_NOISING);
  proto.set_metric(v1::METRIC_PROB_DIFF);
  proto.add_layers(0);
  proto.add_layers(2);
  proto.set_per_prompt(true);
  std::vector<v1::RunSweepResponse> messages;
  const grpc::Status status = Sweep(proto, &messages);
  ASSERT_TRUE(status.ok()) << status.error_message();

  SweepRequest request;
  request.pairs = NanoPairs();
  request.hooks = {HookKind::kResidPre, HookKind::kZ};
  request.direction = PatchingDirection::kNoising;
  request.metric = Metric::kProbDiff;
  request.layers = {0, 2};
  const auto result = RunSweep(*LoadDirectly("nano"), request, ForwardOptions{}, {});
  ASSERT_TRUE(result.ok()) << result.status();

  size_t at = 0;
  while (messages.at(at).has_progress()) ++at;
  ASSERT_TRUE(messages[at].has_summary());
  const v1::RunSweepSummary& summary = messages[at].summary();
  ASSERT_EQ(summary.grids_size(), 2);
  EXPECT_EQ(summary.grids(0).hook(), "hook_resid_pre");
  EXPECT_THAT(summary.grids(0).layers(), ElementsAre(0, 2));
  EXPECT_THAT(summary.grids(0).columns(), ElementsAre(0, 1, 2, 3));
  EXPECT_FALSE(summary.grids(0).columns_are_heads());
  EXPECT_EQ(summary.grids(1).hook(), "attn.hook_z");
  EXPECT_THAT(summary.grids(1).columns(), ElementsAre(0, 1, 2));
  EXPECT_TRUE(summary.grids(1).columns_are_heads());
  EXPECT_THAT(summary.clean_metric().per_prompt(), ElementsAreArray(result->clean));
  EXPECT_THAT(summary.corrupted_metric().per_prompt(), ElementsAreArray(result->corrupted));
  EXPECT_DOUBLE_EQ(summary.clean_metric().mean(), (result->clean[0] + result->clean[1]) / 2);
  EXPECT_FALSE(summary.prompts_are_equally_long());
  ASSERT_EQ(summary.tokens_size(), 4);
  EXPECT_EQ(summary.tokens(0).id(), 2u);
  EXPECT_GT(summary.compute_seconds(), 0);
  const auto tensors = TensorsOf(messages);
  ASSERT_EQ(tensors.size(), 4u);
  for (const SweepGrid& grid : result->grids) {
    const std::string hook = HookKindName(grid.hook);
    const auto columns = static_cast<int64_t>(grid.columns.size());
    EXPECT_THAT(tensors.at(hook + "/mean").shape, ElementsAre(2, columns));
    EXPECT_THAT(tensors.at(hook + "/per_prompt").shape, ElementsAre(2, columns, 2));
    EXPECT_THAT(tensors.at(hook + "/mean").floats(), Pointwise(NanSensitiveFloatEq(), AsFloats(grid.mean)));
    EXPECT_THAT(tensors.at(hook + "/per_prompt").floats(), Pointwise(NanSensitiveFloatEq(), AsFloats(grid.per_prompt)));
  }
}

TEST_F(PatchingRpcTest, ProgressComesBeforeTheSummaryAndNeverGoesBack) {
  std::vector<v1::RunSweepResponse> messages;
  ASSERT_TRUE(Sweep(NanoSweep(), &messages).ok());
  uint64_t done = 0;
  size_t at = 0;
  for (; messages.at(at).has_progress(); ++at) {
    EXPECT_EQ(messages[at].progress().runs_total(), 3u * 4 + 3u * 3);
    EXPECT_GE(messages[at].progress().runs_done(), done);
    done = messages[at].progress().runs_done();
  }
  EXPECT_GT(at, 0u);
  EXPECT_EQ(done, 21u);
  EXPECT_TRUE(messages.at(at).has_summary());
  for (++at; at < messages.size(); ++at) EXPECT_TRUE(messages[at].has_chunk());
}

TEST_F(PatchingRpcTest, PathPatchingIsTheLibrarys) {
  v1::RunPathPatchingRequest proto = NanoPaths();
  proto.set_freeze(v1::PATH_FREEZE_HEADS);
  proto.set_per_prompt(true);
  proto.add_senders()->set_kind(v1::NODE_KIND_EMBED);
  v1::Node& mlp = *proto.add_senders();
  mlp.set_kind(v1::NODE_KIND_MLP);
  mlp.set_layer(0);
  std::vector<v1::RunPathPatchingResponse> messages;
  const grpc::Status status = PatchPaths(proto, &messages);
  ASSERT_TRUE(status.ok()) << status.error_message();

  PathPatchingRequest request;
  request.pairs = NanoPairs();
  request.senders = {{Node::Kind::kEmbed}, {Node::Kind::kMlp, 0}};
  request.receivers = {{Node::Kind::kHead, 1, 2, Node::Input::kV}, {Node::Kind::kLogits}};
  request.freeze = PathFreeze::kHeads;
  const auto result = RunPathPatching(*LoadDirectly("nano"), request, ForwardOptions{}, {});
  ASSERT_TRUE(result.ok()) << result.status();

  ASSERT_TRUE(messages.at(0).has_progress());
  size_t at = 0;
  while (messages.at(at).has_progress()) ++at;
  const v1::RunPathPatchingSummary& summary = messages.at(at).summary();
  ASSERT_EQ(summary.paths_size(), 4);
  EXPECT_EQ(summary.paths(0).sender().ShortDebugString(), "kind: NODE_KIND_EMBED");
  EXPECT_EQ(summary.paths(0).receiver().ShortDebugString(),
            "kind: NODE_KIND_ATTENTION_HEAD layer: 1 head: 2 input: HEAD_INPUT_V");
  EXPECT_EQ(summary.paths(3).sender().kind(), v1::NODE_KIND_MLP);
  EXPECT_EQ(summary.paths(3).receiver().kind(), v1::NODE_KIND_LOGITS);
  EXPECT_THAT(summary.clean_metric().per_prompt(), ElementsAreArray(result->clean));
  EXPECT_THAT(summary.corrupted_metric().per_prompt(), ElementsAreArray(result->corrupted));
  std::vector<double> means, values;
  for (const PathEffect& path : result->paths) {
    means.push_back(path.mean);
    values.insert(values.end(), path.per_prompt.begin(), path.per_prompt.end());
  }
  const auto tensors = TensorsOf(messages);
  EXPECT_THAT(tensors.at("mean").shape, ElementsAre(4));
  EXPECT_THAT(tensors.at("per_prompt").shape, ElementsAre(4, 2));
  EXPECT_THAT(tensors.at("mean").floats(), Pointwise(NanSensitiveFloatEq(), AsFloats(means)));
  EXPECT_THAT(tensors.at("per_prompt").floats(), Pointwise(NanSensitiveFloatEq(), AsFloats(values)));

  proto.clear_senders();
  proto.set_senders_together(true);
  proto.set_per_prompt(false);
  ASSERT_TRUE(PatchPaths(proto, &messages).ok());
  EXPECT_EQ(TensorsOf(messages).size(), 1u);
  for (const auto& message : messages) {
    if (!message.has_summary()) continue;
    ASSERT_EQ(message.summary().paths_size(), 2);
    EXPECT_FALSE(message.summary().paths(0).has_sender());
  }
}

TEST_F(PatchingRpcTest, KlDivergenceNeedsNoAnswers) {
  v1::RunSweepRequest request = NanoSweep();
  request.set_metric(v1::METRIC_KL_DIV);
  request.mutable_prompts()->mutable_inline_()->clear_answers();
  const grpc::Status status = Sweep(request);
  EXPECT_TRUE(status.ok()) << status.error_message();
}

TEST_F(PatchingRpcTest, MetricsOfCorrectTokensNeedNoIncorrectOnes) {
  v1::RunSweepRequest sweep = NanoSweep();
  v1::RunPathPatchingRequest paths = NanoPaths();
  for (auto* prompts : {sweep.mutable_prompts(), paths.mutable_prompts()}) {
    for (v1::Answer& answer : *prompts->mutable_inline_()->mutable_answers()) answer.clear_incorrect();
  }
  for (const v1::Metric metric : {v1::METRIC_NLL, v1::METRIC_RANK, v1::METRIC_ACCURACY}) {
    sweep.set_metric(metric);
    paths.set_metric(metric);
    const grpc::Status status = Sweep(sweep);
    EXPECT_TRUE(status.ok()) << status.error_message();
    EXPECT_TRUE(PatchPaths(paths).ok());
  }
  for (const v1::Metric metric : {v1::METRIC_LOGIT_DIFF, v1::METRIC_PROB_DIFF}) {
    sweep.set_metric(metric);
    paths.set_metric(metric);
    EXPECT_EQ(ViolatedField(Sweep(sweep)), "prompts.inline.answers");
    EXPECT_EQ(ViolatedField(PatchPaths(paths)), "prompts.inline.answers");
  }
}

TEST_F(PatchingRpcTest, OtherHooksAreToldTheEightThatASweepTakes) {
  for (const char* hook : {"blocks.0.hook_attn_out", "mlp.hook_pre", "hook_embed", ""}) {
    v1::RunSweepRequest request = NanoSweep();
    request.set_hooks(1, hook);
    const grpc::Status status = Sweep(request);
    EXPECT_EQ(ViolatedField(status), "hooks[1]");
    EXPECT_THAT(status.error_message(),
                testing::EndsWith("must be one of hook_resid_pre, hook_attn_out, hook_mlp_out, attn.hook_q, "
                                  "attn.hook_k, attn.hook_v, attn.hook_pattern, attn.hook_z"));
  }
}

TEST_F(PatchingRpcTest, BadSweepsAreNamed) {
  const auto field = [this](const std::function<void(v1::RunSweepRequest&)>& spoil) {
    v1::RunSweepRequest request = NanoSweep();
    spoil(request);
    const grpc::Status status = Sweep(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    return ViolatedField(status);
  };
  EXPECT_EQ(field([](auto& r) { r.clear_model(); }), "model");
  EXPECT_EQ(field([](auto& r) { r.clear_prompts(); }), "prompts.source");
  EXPECT_EQ(field([](auto& r) { r.mutable_prompts()->mutable_inline_()->clear_clean(); }), "prompts.inline.clean");
  EXPECT_EQ(field([](auto& r) { r.mutable_prompts()->mutable_inline_()->clear_corrupted(); }),
            "prompts.inline.corrupted");
  EXPECT_EQ(field([](auto& r) { r.mutable_prompts()->mutable_inline_()->mutable_corrupted()->RemoveLast(); }),
            "prompts.inline.corrupted");
  EXPECT_EQ(field([](auto& r) { *r.mutable_prompts()->mutable_inline_()->mutable_corrupted(1) = Ids({1}); }),
            "prompts.inline.corrupted[1]");
  EXPECT_EQ(field([](auto& r) { r.mutable_prompts()->mutable_inline_()->mutable_clean(1)->Clear(); }),
            "prompts.inline.clean[1]");
  EXPECT_EQ(field([](auto& r) { r.mutable_prompts()->mutable_inline_()->clear_answers(); }), "prompts.inline.answers");
  EXPECT_EQ(field([](auto& r) { r.mutable_prompts()->mutable_inline_()->mutable_answers(1)->clear_incorrect(); }),
            "prompts.inline.answers[1].incorrect");
  EXPECT_EQ(field([](auto& r) { r.mutable_prompts()->set_num_samples(0); }), "prompts.num_samples");
  EXPECT_EQ(field([](auto& r) { r.mutable_prompts()->set_num_samples(3); }), "prompts.num_samples");
  EXPECT_EQ(field([](auto& r) { r.mutable_prompts()->mutable_task()->set_task("roman"); }), "prompts.task.task");
  EXPECT_EQ(field([](auto& r) {
              r.mutable_prompts()->mutable_task()->set_task("numerals");
              r.mutable_prompts()->mutable_task()->add_variants("born");
            }),
            "prompts.task.variants[0]");
  EXPECT_EQ(field([](auto& r) { r.mutable_prompts()->set_pairs_dataset_sha256("x"); }), "prompts.pairs_dataset_sha256");
  EXPECT_EQ(field([](auto& r) { r.clear_hooks(); }), "hooks");
  EXPECT_EQ(field([](auto& r) { r.set_hooks(0, "blocks.0.hook_resid_pre"); }), "hooks[0]");
  EXPECT_EQ(field([](auto& r) { r.set_hooks(1, "mlp.hook_pre"); }), "hooks[1]");
  EXPECT_EQ(field([](auto& r) { r.set_hooks(1, "hook_resid_pre"); }), "hooks[1]");
  EXPECT_EQ(field([](auto& r) {
              for (int i = 0; i < 100'000; ++i) r.add_hooks("attn.hook_z");
            }),
            "hooks");
  EXPECT_EQ(field([](auto& r) { r.set_direction(static_cast<v1::PatchingDirection>(3)); }), "direction");
  EXPECT_EQ(field([](auto& r) { r.set_metric(static_cast<v1::Metric>(77)); }), "metric");
  EXPECT_EQ(field([](auto& r) { r.add_layers(3); }), "layers[0]");
  EXPECT_EQ(field([](auto& r) { r.mutable_layers()->Resize(1'000'000, 1); }), "layers");
  EXPECT_EQ(field([](auto& r) { r.add_positions(11); }), "positions[0]");
  EXPECT_EQ(field([](auto& r) { r.add_positions(INT32_MIN); }), "positions[0]");
  EXPECT_EQ(field([](auto& r) { r.mutable_positions()->Resize(1'000'000, 1); }), "positions");
}

TEST_F(PatchingRpcTest, BadPathsAreNamed) {
  const auto field = [this](const std::function<void(v1::RunPathPatchingRequest&)>& spoil) {
    v1::RunPathPatchingRequest request = NanoPaths();
    spoil(request);
    const grpc::Status status = PatchPaths(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    return ViolatedField(status);
  };
  EXPECT_EQ(field([](auto& r) { r.clear_receivers(); }), "receivers");
  EXPECT_EQ(field([](auto& r) { r.mutable_receivers(0)->clear_kind(); }), "receivers[0].kind");
  EXPECT_EQ(field([](auto& r) { r.mutable_receivers(0)->set_kind(static_cast<v1::NodeKind>(9)); }),
            "receivers[0].kind");
  EXPECT_EQ(field([](auto& r) { r.mutable_receivers(0)->set_input(static_cast<v1::HeadInput>(9)); }),
            "receivers[0].input");
  EXPECT_THAT(field([](auto& r) { r.mutable_receivers(0)->clear_input(); }), testing::StartsWith("receivers[0]"));
  EXPECT_THAT(field([](auto& r) { r.mutable_receivers(0)->set_layer(4'000'000'000u); }),
              testing::StartsWith("receivers[0]"));
  EXPECT_THAT(field([](auto& r) { r.mutable_receivers(0)->set_head(3); }), testing::StartsWith("receivers[0]"));
  EXPECT_EQ(field([](auto& r) { r.mutable_receivers(1)->set_head(1); }), "receivers[1].head");
  EXPECT_EQ(field([](auto& r) { r.mutable_receivers(1)->set_layer(1); }), "receivers[1].layer");
  EXPECT_EQ(field([](auto& r) { r.mutable_receivers(1)->set_input(v1::HEAD_INPUT_Q); }), "receivers[1].input");
  EXPECT_EQ(field([](auto& r) { *r.add_receivers() = r.receivers(0); }), "receivers[2]");
  EXPECT_EQ(field([](auto& r) {
              for (int i = 0; i < 100'000; ++i) r.add_senders()->set_kind(v1::NODE_KIND_EMBED);
            }),
            "senders");
  EXPECT_THAT(field([](auto& r) { r.add_senders()->set_kind(v1::NODE_KIND_LOGITS); }),
              testing::StartsWith("senders[0]"));
  EXPECT_EQ(field([](auto& r) { r.set_freeze(static_cast<v1::PathFreeze>(5)); }), "freeze");
  EXPECT_EQ(field([](auto& r) { r.mutable_prompts()->mutable_inline_()->clear_corrupted(); }),
            "prompts.inline.corrupted");
}

TEST_F(PatchingRpcTest, LimitsAreNamedBeforeAnythingRuns) {
  ServerOptions options = TestOptions();
  options.max_prompts_per_request = 2;
  options.max_reply_bytes = 21 * 3 * 8;
  Start(options);
  v1::RunSweepRequest request = NanoSweep();
  EXPECT_TRUE(Sweep(request).ok());
  request.set_per_prompt(true);
  std::vector<v1::RunSweepResponse> messages;
  grpc::Status status = Sweep(request, &messages);
  EXPECT_EQ(ViolatedField(status), "per_prompt");
  EXPECT_THAT(status.error_message(), HasSubstr("756 bytes, max_reply_bytes is 504"));
  EXPECT_TRUE(messages.empty());
  request.set_model("seqcont");
  *request.mutable_prompts() = NumeralsSource(1);
  status = Sweep(request);
  EXPECT_EQ(ViolatedField(status), "prompts.num_samples");
  EXPECT_THAT(status.error_message(), HasSubstr("3 prompts in all, max_prompts_per_request is 2"));
  v1::RunPathPatchingRequest paths = NanoPaths();
  paths.set_per_prompt(true);
  EXPECT_EQ(ViolatedField(PatchPaths(paths)), "per_prompt");
}

TEST_F(PatchingRpcTest, OthersGetInWhileASweepRunsAndACancelledOneFreesTheDevice) {
  grpc::ClientContext context;
  const auto reader = Stub<v1::PatchingService>()->RunSweep(&context, LongSweep());
  v1::RunSweepResponse message;
  ASSERT_TRUE(reader->Read(&message));
  EXPECT_TRUE(message.has_progress());
  EXPECT_TRUE(Forward().ok());
  // A second sweep would hold up everybody if the first one let it in.
  grpc::ClientContext second_context;
  second_context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(1));
  const auto second = Stub<v1::PatchingService>()->RunSweep(&second_context, NanoSweep());
  v1::RunSweepResponse never;
  EXPECT_FALSE(second->Read(&never));
  EXPECT_EQ(second->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Forward().ok());
  context.TryCancel();
  while (reader->Read(&message)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  // Sweeps run one after the other.
  EXPECT_TRUE(Sweep(NanoSweep()).ok());
}

}  // namespace
}  // namespace circuitd
