// ReadingService: every reading as the library makes it, and what is refused.
#include <gmock/gmock.h>

#include <functional>

#include "circuitd/v1/reading.grpc.pb.h"
#include "server/readings/attention.h"
#include "server/readings/head_circuits.h"
#include "server/readings/logit_attribution.h"
#include "server/readings/logit_lens.h"
#include "server/service/prompt_sources.h"
#include "tests/unit/service/rpc_messages.h"
#include "tests/unit/service/rpc_test_util.h"

namespace circuitd {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::NanSensitiveFloatEq;
using testing::Pointwise;
using testing::StartsWith;

const std::vector<std::vector<int>> kPrompts = {{2, 1, 0, 1}, {0, 0, 1}};
const std::vector<Answer> kAnswers = {{{0}, {1}}, {{0}, {1}}};

class ReadingRpcTest : public RpcTest {
 protected:
  template <typename Request>
  static Request Nano() {
    Request request;
    request.set_model("nano");
    *request.mutable_prompts() = NanoSource();
    return request;
  }

  // `method` of the stub, on one request; messages may be null.
  template <typename Response, typename Request, typename Method>
  grpc::Status Call(Method method, const Request& request, std::vector<Response>* messages) {
    grpc::ClientContext context;
    const auto stub = Stub<v1::ReadingService>();
    const auto reader = ((*stub).*method)(&context, request);
    auto received = ReadAll<Response>(*reader);
    if (messages != nullptr) *messages = std::move(received);
    return reader->Finish();
  }
  grpc::Status Call(const v1::RunLogitLensRequest& r, std::vector<v1::RunLogitLensResponse>* m = nullptr) {
    return Call(&v1::ReadingService::Stub::RunLogitLens, r, m);
  }
  grpc::Status Call(const v1::AttributeLogitsRequest& r, std::vector<v1::AttributeLogitsResponse>* m = nullptr) {
    return Call(&v1::ReadingService::Stub::AttributeLogits, r, m);
  }
  grpc::Status Call(const v1::ReadAttentionRequest& r, std::vector<v1::ReadAttentionResponse>* m = nullptr) {
    return Call(&v1::ReadingService::Stub::ReadAttention, r, m);
  }
  grpc::Status Call(const v1::ScoreOvRequest& r, std::vector<v1::ScoreOvResponse>* m = nullptr) {
    return Call(&v1::ReadingService::Stub::ScoreOv, r, m);
  }
  grpc::Status Call(const v1::ScoreQkRequest& r, std::vector<v1::ScoreQkResponse>* m = nullptr) {
    return Call(&v1::ReadingService::Stub::ScoreQk, r, m);
  }

  template <typename Request>
  std::string Field(const std::function<void(Request&)>& spoil) {
    Request request = Nano<Request>();
    spoil(request);
    const grpc::Status status = Call(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    return ViolatedField(status);
  }
};

TEST_F(ReadingRpcTest, LogitLensIsTheLibrarys) {
  auto proto = Nano<v1::RunLogitLensRequest>();
  proto.mutable_positions()->add_indices(0);
  proto.mutable_positions()->add_indices(-1);
  proto.set_top_k(2);
  *proto.add_chosen_tokens() = Ids({1});
  std::vector<v1::RunLogitLensResponse> messages;
  const grpc::Status status = Call(proto, &messages);
  ASSERT_TRUE(status.ok()) << status.error_message();

  LogitLensRequest request;
  request.prompts = kPrompts;
  request.answers = kAnswers;
  request.positions = PositionSelector{{0, -1}, {}, {}};
  request.top_k = 2;
  request.chosen_tokens = {1};
  const auto lens = RunLogitLens(*LoadDirectly("nano"), request, ForwardOptions{});
  ASSERT_TRUE(lens.ok()) << lens.status();
  const v1::RunLogitLensSummary& summary = messages.at(0).summary();
  EXPECT_THAT(summary.hooks(), ElementsAre("blocks.0.hook_resid_pre", "blocks.1.hook_resid_pre",
                                           "blocks.2.hook_resid_pre", "blocks.2.hook_resid_post"));
  ASSERT_EQ(summary.prompts_size(), 2);
  std::vector<double> logit_diff;
  for (int i = 0; i < 2; ++i) {
    const v1::LensPrompt& prompt = summary.prompts(i);
    const LensPrompt& expected = (*lens)[i];
    EXPECT_EQ(prompt.has_handover(), expected.handover.has_value());
    EXPECT_EQ(static_cast<int>(prompt.handover()), expected.handover.value_or(0));
    ASSERT_EQ(prompt.positions_size(), 2);
    EXPECT_EQ(prompt.positions(0).position(), 0u);
    EXPECT_EQ(prompt.positions(1).position(), kPrompts[i].size() - 1);
    EXPECT_EQ(prompt.positions(1).token().id(), 1u);
    for (int p = 0; p < 2; ++p) {
      ASSERT_EQ(prompt.positions(p).layers_size(), 4);
      for (int layer = 0; layer < 4; ++layer) {
        const v1::LensLayer& got = prompt.positions(p).layers(layer);
        const PromptLogits& want = expected.positions[p].layers[layer];
        ASSERT_EQ(got.top_size(), 2);
        EXPECT_EQ(got.top(0).token().id(), static_cast<uint32_t>(want.top[0].token));
        EXPECT_EQ(got.top(0).logit(), want.top[0].logit);
        EXPECT_EQ(got.chosen(0).log_prob(), want.chosen[0].log_prob);
      }
    }
    logit_diff.insert(logit_diff.end(), expected.logit_diff.begin(), expected.logit_diff.end());
  }
  const auto tensors = TensorsOf(messages);
  EXPECT_THAT(tensors.at("logit_diff").shape, ElementsAre(2, 4));
  EXPECT_THAT(tensors.at("logit_diff").floats(), Pointwise(NanSensitiveFloatEq(), AsFloats(logit_diff)));

  proto.clear_positions();
  proto.mutable_prompts()->mutable_inline_()->clear_answers();
  ASSERT_TRUE(Call(proto, &messages).ok());
  EXPECT_EQ(messages.size(), 1u);
  ASSERT_EQ(messages[0].summary().prompts(0).positions_size(), 1);
  EXPECT_EQ(messages[0].summary().prompts(0).positions(0).position(), 3u);
}

TEST_F(ReadingRpcTest, BadLensesAreNamed) {
  using R = v1::RunLogitLensRequest;
  EXPECT_EQ(Field<R>([](R& r) { r.clear_model(); }), "model");
  EXPECT_EQ(Field<R>([](R& r) { r.clear_prompts(); }), "prompts.source");
  EXPECT_EQ(Field<R>([](R& r) { r.set_top_k(1001); }), "top_k");
  EXPECT_EQ(Field<R>([](R& r) { *r.add_chosen_tokens() = Ids({0, 1}); }), "chosen_tokens[0]");
  EXPECT_EQ(Field<R>([](R& r) {
              for (int i = 0; i < 1001; ++i) *r.add_chosen_tokens() = Ids({0});
            }),
            "chosen_tokens");
  EXPECT_EQ(Field<R>([](R& r) { r.mutable_positions()->add_indices(3); }), "positions.indices[0]");
  EXPECT_EQ(Field<R>([](R& r) { r.mutable_positions()->add_roles("x"); }), "positions.roles[0]");
  EXPECT_EQ(Field<R>([](R& r) { *r.mutable_positions()->add_tokens() = Ids({2}); }), "positions.tokens[0]");
  EXPECT_EQ(Field<R>([](R& r) { r.mutable_prompts()->mutable_inline_()->mutable_answers(0)->clear_incorrect(); }),
            "prompts.inline.answers[0].incorrect");
  EXPECT_EQ(Field<R>([](R& r) { *r.mutable_prompts()->mutable_inline_()->mutable_clean(0) = Ids({3}); }),
            "prompts.inline.clean[0].tokens.ids[0]");
}

TEST_F(ReadingRpcTest, AttributionIsTheLibrarys) {
  auto proto = Nano<v1::AttributeLogitsRequest>();
  proto.set_per_prompt(true);
  std::vector<v1::AttributeLogitsResponse> messages;
  const grpc::Status status = Call(proto, &messages);
  ASSERT_TRUE(status.ok()) << status.error_message();
  const auto model = LoadDirectly("nano");
  const auto result = AttributeLogits(*model, kPrompts, kAnswers, ForwardOptions{});
  ASSERT_TRUE(result.ok()) << result.status();
  const v1::AttributeLogitsSummary& summary = messages.at(0).summary();
  const std::vector<Component> components = AllComponents(model->config());
  ASSERT_EQ(static_cast<size_t>(summary.components_size()), components.size());
  EXPECT_EQ(summary.components(0).kind(), v1::COMPONENT_KIND_EMBED);
  EXPECT_EQ(summary.components(3).ShortDebugString(), "kind: COMPONENT_KIND_HEAD head: 1");
  EXPECT_THAT(summary.logit_diff().per_prompt(), ElementsAreArray(result->logit_diff));
  const auto tensors = TensorsOf(messages);
  EXPECT_THAT(tensors.at("mean").floats(), Pointwise(NanSensitiveFloatEq(), AsFloats(result->mean)));
  EXPECT_THAT(tensors.at("per_prompt").shape, ElementsAre(components.size(), 2));
  EXPECT_THAT(tensors.at("per_prompt").floats(), Pointwise(NanSensitiveFloatEq(), AsFloats(result->per_prompt)));

  using R = v1::AttributeLogitsRequest;
  EXPECT_EQ(Field<R>([](R& r) { r.mutable_prompts()->mutable_inline_()->clear_answers(); }), "prompts.inline.answers");
  EXPECT_EQ(Field<R>([](R& r) { r.mutable_prompts()->mutable_inline_()->mutable_answers(1)->clear_correct(); }),
            "prompts.inline.answers[1].correct");
}

TEST_F(ReadingRpcTest, AttentionIsTheLibrarys) {
  auto proto = Nano<v1::ReadAttentionRequest>();
  (*proto.mutable_prompts()->mutable_inline_()->mutable_clean(0)->mutable_roles())["middle"] = 2;
  proto.add_layers(2);
  proto.add_layers(0);
  proto.add_heads(1);
  proto.set_patterns(true);
  proto.set_attn_scores(true);
  std::vector<v1::ReadAttentionResponse> messages;
  const grpc::Status status = Call(proto, &messages);
  ASSERT_TRUE(status.ok()) << status.error_message();
  AttentionRequest request;
  request.prompts = kPrompts;
  request.layers = {2, 0};
  request.heads = {1};
  request.patterns = request.attn_scores = true;
  std::map<std::string, std::string> expected;
  const auto scores =
      ReadAttention(*LoadDirectly("nano"), request, ForwardOptions{}, [&](std::string name, HostTensor tensor) {
        expected[name] = std::move(tensor.data);
        return absl::OkStatus();
      });
  ASSERT_TRUE(scores.ok()) << scores.status();
  const v1::ReadAttentionSummary& summary = messages.at(0).summary();
  EXPECT_THAT(summary.layers(), ElementsAreArray(scores->layers));
  EXPECT_THAT(summary.heads(), ElementsAre(1));
  EXPECT_EQ(summary.tokens_size(), 4);
  EXPECT_EQ(summary.roles().at("middle"), 2u);
  const auto tensors = TensorsOf(messages);
  EXPECT_EQ(tensors.size(), 7u);
  for (const auto& [name, data] : expected) EXPECT_EQ(tensors.at(name).data, data) << name;
  EXPECT_THAT(tensors.at("pattern/1").shape, ElementsAre(2, 1, 3, 3));
  EXPECT_THAT(tensors.at("previous_token").floats(),
              Pointwise(NanSensitiveFloatEq(), AsFloats(scores->previous_token)));
  EXPECT_THAT(tensors.at("duplicate_token").floats(),
              Pointwise(NanSensitiveFloatEq(), AsFloats(scores->duplicate_token)));
  EXPECT_THAT(tensors.at("induction").floats(), Pointwise(NanSensitiveFloatEq(), AsFloats(scores->induction)));

  using R = v1::ReadAttentionRequest;
  EXPECT_EQ(Field<R>([](R& r) { r.set_mean_pattern(true); }), "mean_pattern");
  EXPECT_EQ(Field<R>([](R& r) { r.add_layers(3); }), "layers[0]");
  EXPECT_EQ(Field<R>([](R& r) { r.add_heads(4'000'000'000u); }), "heads[0]");
  EXPECT_EQ(Field<R>([](R& r) { r.mutable_heads()->Resize(1'000'000, 1); }), "heads[1]");
}

TEST_F(ReadingRpcTest, OvScoresAreTheLibrarys) {
  auto proto = Nano<v1::ScoreOvRequest>();
  for (const uint32_t id : {0, 1, 2}) *proto.add_sequence() = Ids({id});
  proto.set_top_k(1);
  std::vector<v1::ScoreOvResponse> messages;
  const grpc::Status status = Call(proto, &messages);
  ASSERT_TRUE(status.ok()) << status.error_message();
  HeadCircuitRequest request;
  request.prompts = kPrompts;
  request.sequence = {0, 1, 2};
  request.top_k = 1;
  const auto scores = ScoreOv(*LoadDirectly("nano"), request, ForwardOptions{});
  ASSERT_TRUE(scores.ok()) << scores.status();
  EXPECT_EQ(messages.at(0).summary().position_count(), 7u);
  EXPECT_EQ(messages.at(0).summary().member_count(), scores->member_count);
  const auto tensors = TensorsOf(messages);
  EXPECT_THAT(tensors.at("copy").shape, ElementsAre(3, 3));
  EXPECT_THAT(tensors.at("copy").floats(), Pointwise(NanSensitiveFloatEq(), AsFloats(scores->copy)));
  EXPECT_THAT(tensors.at("next").floats(), Pointwise(NanSensitiveFloatEq(), AsFloats(scores->next)));

  using R = v1::ScoreOvRequest;
  EXPECT_EQ(Field<R>([](R& r) { r.set_top_k(1001); }), "top_k");
  auto too_many = Nano<R>();
  too_many.set_top_k(1001);
  EXPECT_EQ(Call(too_many).error_message(), "top_k: 1001, must be 0-1000 (0: 5)");
  EXPECT_EQ(Field<R>([](R& r) { *r.add_sequence() = Ids({}); }), "sequence[0]");
  EXPECT_EQ(Field<R>([](R& r) {
              for (int i = 0; i < 2; ++i) *r.add_sequence() = Ids({1});
            }),
            "sequence[1]");
  EXPECT_EQ(Field<R>([](R& r) {
              for (int i = 0; i < 1001; ++i) *r.add_sequence() = Ids({1});
            }),
            "sequence");
  EXPECT_EQ(Field<R>([](R& r) { r.mutable_positions()->add_indices(-4); }), "positions.indices[0]");
}

TEST_F(ReadingRpcTest, QkScoresReadTheTasksSequence) {
  v1::ScoreQkRequest proto;
  proto.set_model("seqcont");
  *proto.mutable_prompts() = NumeralsSource(4);
  std::vector<v1::ScoreQkResponse> messages;
  const grpc::Status status = Call(proto, &messages);
  ASSERT_TRUE(status.ok()) << status.error_message();

  const auto model = LoadDirectly("seqcont");
  DatasetStore no_datasets(1, 1);
  const auto pairs = MakePromptPairs(no_datasets, NumeralsSource(4), *model, PairNeeds{}, {});
  ASSERT_TRUE(pairs.ok());
  HeadCircuitRequest request;
  for (const PromptPair& pair : *pairs) request.prompts.push_back(pair.clean);
  for (int member = 1; member <= 12; ++member) {
    request.sequence.push_back(model->tokenizer()->Encode(" " + std::to_string(member))->front());
  }
  const auto scores = ScoreQk(*model, request, ForwardOptions{});
  ASSERT_TRUE(scores.ok()) << scores.status();
  const v1::ScoreQkSummary& summary = messages.at(0).summary();
  ASSERT_EQ(static_cast<size_t>(summary.members_size()), scores->members.size());
  EXPECT_EQ(summary.members(0).text(), " 1");
  const auto tensors = TensorsOf(messages);
  EXPECT_EQ(tensors.at("scores").data, scores->scores.data);
  EXPECT_EQ(tensors.at("scores").shape, scores->scores.shape);
  EXPECT_THAT(tensors.at("same").floats(), Pointwise(NanSensitiveFloatEq(), AsFloats(scores->same)));
  EXPECT_THAT(tensors.at("previous").floats(), Pointwise(NanSensitiveFloatEq(), AsFloats(scores->previous)));
  EXPECT_THAT(tensors.at("same").shape, ElementsAre(4, 8));
}

TEST_F(ReadingRpcTest, QkWithoutTwoMembersFails) {
  const grpc::Status status = Call(Nano<v1::ScoreQkRequest>());
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION) << status.error_message();
}

TEST_F(ReadingRpcTest, LimitsOfRepliesAreNamed) {
  ServerOptions options = TestOptions();
  options.max_reply_bytes = 100;
  options.max_message_bytes = 2000;
  Start(options);
  auto attention = Nano<v1::ReadAttentionRequest>();
  EXPECT_TRUE(Call(attention).ok());
  attention.set_attn_scores(true);
  EXPECT_EQ(ViolatedField(Call(attention)), "attn_scores");
  attention.set_patterns(true);
  EXPECT_EQ(ViolatedField(Call(attention)), "patterns");
  auto lens = Nano<v1::RunLogitLensRequest>();
  lens.set_top_k(3);
  EXPECT_TRUE(Call(lens).ok());
  lens.mutable_positions();
  EXPECT_EQ(ViolatedField(Call(lens)), "positions");
  EXPECT_EQ(ViolatedField(Call(Nano<v1::AttributeLogitsRequest>())), "prompts");
  auto qk = Nano<v1::ScoreQkRequest>();
  for (const uint32_t id : {0, 1, 2}) *qk.add_sequence() = Ids({id});
  EXPECT_EQ(ViolatedField(Call(qk)), "sequence");
}

}  // namespace
}  // namespace circuitd
