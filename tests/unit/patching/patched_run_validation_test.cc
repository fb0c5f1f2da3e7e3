// What patched runs refuse, and how they say it.
#include <gmock/gmock.h>

#include <cmath>

#include "server/model/logit_readout.h"
#include "server/patching/intervention_fit.h"
#include "tests/unit/patching/patched_run_fixture.h"

namespace circuitd {
namespace {

using testing::Floats;
using ::testing::HasSubstr;
using testing::Indices;
using testing::On;
using testing::Ramp;
using testing::Roles;
using testing::Tokens;
using testing::ToTorch;

const HookPoint kResid{HookKind::kResidPre, 1}, kZ{HookKind::kZ, 1}, kPattern{HookKind::kPattern, 0},
    kScores{HookKind::kAttnScores, 0}, kMlp{HookKind::kMlpOut, 2};

class PatchedRunValidationTest : public testing::PatchedRunFixture {
 protected:
  std::string RefusalOf(std::vector<Intervention> interventions) {
    request_.interventions = std::move(interventions);
    return Refusal();
  }
  std::string RefusalOf(Intervention intervention) { return RefusalOf(std::vector{std::move(intervention)}); }
};

TEST_F(PatchedRunValidationTest, RefusesHookPointsAndHeadsOutOfRange) {
  EXPECT_EQ(RefusalOf(On({HookKind::kZ, 3}, Ablation::kZero)), "interventions[0].hook: layer 3, model has 3 (0-2)");
  EXPECT_EQ(RefusalOf(On({HookKind::kZ}, Ablation::kZero)), "interventions[0].hook: layer -1, model has 3 (0-2)");
  EXPECT_EQ(RefusalOf(On({HookKind::kEmbed, 0}, Ablation::kZero)),
            "interventions[0].hook: hook_embed belongs to no layer");
  EXPECT_EQ(RefusalOf(On(kZ, Ablation::kZero, {0, 4})), "interventions[0].heads[1]: 4, model has 4 (0-3)");
  EXPECT_EQ(RefusalOf(On(kZ, Ablation::kZero, {-1})), "interventions[0].heads[0]: -1, model has 4 (0-3)");
  EXPECT_EQ(RefusalOf(On(kZ, Ablation::kZero, std::vector<int>(100'000, 2))),
            "interventions[0].heads[1]: 2 is there twice");
  EXPECT_EQ(RefusalOf(On(kMlp, Ablation::kZero, {0})), "interventions[0].heads: blocks.2.hook_mlp_out has no heads");
}

TEST_F(PatchedRunValidationTest, RefusesPositionsThatAPromptLacks) {
  const auto refusal = [&](PositionSelector positions) {
    return RefusalOf(On(kMlp, Ablation::kZero, {}, std::move(positions)));
  };
  EXPECT_EQ(refusal(Indices({0, 2})), "interventions[0].positions.indices[1]: 2, prompts[1] has 2 tokens");
  EXPECT_EQ(refusal(Indices({-3})), "interventions[0].positions.indices[0]: -3, prompts[1] has 2 tokens");
  EXPECT_EQ(refusal(Indices({1, -1})),
            "interventions[0].positions.indices[1]: -1, position 1 of prompts[1] is there already");
  EXPECT_EQ(refusal(Indices(std::vector<int>(100'000, 1))),
            "interventions[0].positions.indices[1]: 1, position 1 of prompts[0] is there already");
  EXPECT_EQ(refusal(Tokens({3})), "interventions[0].positions.tokens[0]: prompts[1] has no token 3");
  EXPECT_EQ(refusal(Roles({"subject"})), "interventions[0].positions.roles[0]: prompts[0] has no role \"subject\"");
  request_.roles = {{{"subject", 1}}};
  EXPECT_EQ(refusal({}), "roles: 1, needs one for each of the 2 prompts");
  request_.roles = {{{"subject", 1}}, {{"subject", 2}}};
  EXPECT_EQ(refusal(Roles({"subject"})),
            "interventions[0].positions.roles[0]: \"subject\" is position 2, prompts[1] has 2 tokens");
}

TEST_F(PatchedRunValidationTest, RefusesKeysWhereThereAreNoneOrThatAPromptLacks) {
  EXPECT_EQ(RefusalOf(On(kZ, Ablation::kZero, {}, {}, Indices({0}))),
            "interventions[0].key_positions: blocks.1.attn.hook_z has no keys");
  EXPECT_EQ(RefusalOf(On(kPattern, Ablation::kZero, {}, {}, Indices({2}))),
            "interventions[0].key_positions.indices[0]: 2, prompts[1] has 2 tokens");
}

TEST_F(PatchedRunValidationTest, RefusesNumbersThatAreNotFinite) {
  EXPECT_EQ(RefusalOf(On(kZ, ScaleBy{NAN})), "interventions[0].scale: nan, must be finite");
  EXPECT_EQ(RefusalOf(On(kZ, AddVector{Floats({}, {1}), INFINITY})),
            "interventions[0].add.coefficient: inf, must be finite");
  EXPECT_EQ(RefusalOf(On(kZ, AddNoise{-INFINITY, 1})),
            "interventions[0].noise.standard_deviation: -inf, must be finite");
  EXPECT_EQ(RefusalOf(On(kZ, AddNoise{-0.5, 1})),
            "interventions[0].noise.standard_deviation: -0.5, must be at least 0");
}

TEST_F(PatchedRunValidationTest, RefusesTensorsThatAreNone) {
  const auto refusal = [&](HostTensor tensor) { return RefusalOf(On(kResid, SetTo{std::move(tensor)})); };
  EXPECT_EQ(refusal({DType::kInt64, {1}, std::string(8, '\0')}),
            "interventions[0].set.data_type: int64, must be float32, float16 or bfloat16");
  EXPECT_EQ(refusal({DType::kFloat32, {-1}, ""}), "interventions[0].set.shape[0]: -1, must be at least 0");
  EXPECT_EQ(refusal({DType::kFloat32, {1, 1, 1, 1, 1}, ""}), "interventions[0].set.shape: 5 axes, must be at most 4");
  EXPECT_EQ(refusal({DType::kFloat32, {int64_t{1} << 40, int64_t{1} << 40}, ""}),
            "interventions[0].set.shape: [1099511627776, 1099511627776] has too many elements");
  EXPECT_EQ(refusal({DType::kFloat16, {2, 16}, std::string(63, '\0')}),
            "interventions[0].set.data: 63 bytes, shape [2, 16] of float16 has 64");
  EXPECT_EQ(RefusalOf(On(kResid, AddVector{})), "interventions[0].add.vector.data: 0 bytes, shape [] of float32 has 4");
}

TEST_F(PatchedRunValidationTest, RefusesElementsThatAreNotFinite) {
  std::vector<float> values(16, 1);
  values[13] = NAN;
  const HostTensor nan = Floats({16}, values);
  const auto of = [&](at::ScalarType type) { return ToHost(ToTorch(nan).to(type)); };
  const std::string refusal = "interventions[0].set.data: element [13] is nan, must be finite";
  EXPECT_EQ(RefusalOf(On(kResid, SetTo{nan})), refusal);
  EXPECT_EQ(RefusalOf(On(kResid, SetTo{of(at::kHalf)})), refusal);
  EXPECT_EQ(RefusalOf(On(kResid, SetTo{of(at::kBFloat16)})), refusal);
  const HostTensor low = Floats({4, 1, 1}, {0, -INFINITY, 1, 2}), high = Floats({4, 1, 1}, {0, 1, INFINITY, 2});
  EXPECT_EQ(RefusalOf(On(kScores, SetTo{low})), "");
  EXPECT_EQ(RefusalOf(On(kScores, SetTo{high})),
            "interventions[0].set.data: element [2, 0, 0] is inf, must be finite or -inf");
  EXPECT_EQ(RefusalOf(On(kPattern, SetTo{low})),
            "interventions[0].set.data: element [1, 0, 0] is -inf, must be finite");
  EXPECT_EQ(RefusalOf(On(kScores, AddVector{low, 1})),
            "interventions[0].add.vector.data: element [1, 0, 0] is -inf, must be finite");
}

TEST_F(PatchedRunValidationTest, RefusesTensorsThatDoNotBroadcastToEachSlice) {
  const auto set = [&](HookPoint hook, std::vector<int64_t> shape, std::vector<int> heads = {}) {
    return RefusalOf(On(hook, SetTo{Ramp(std::move(shape))}, std::move(heads)));
  };
  const std::string field = "interventions[0].set.shape: ";
  EXPECT_EQ(set(kResid, {15}), field + "[15] does not broadcast to [4, 16], the slice of prompts[0]");
  EXPECT_EQ(set(kResid, {4, 16}), field + "[4, 16] does not broadcast to [2, 16], the slice of prompts[1]");
  EXPECT_EQ(set(kResid, {3, 1, 16}), field + "[3, 1, 16], its first axis needs one entry for each of the 2 prompts");
  EXPECT_EQ(set(kResid, {1, 1, 1, 16}), field + "[1, 1, 1, 16] does not broadcast to [4, 16], the slice of prompts[0]");
  EXPECT_EQ(set(kZ, {4, 1}, {0, 3}), field + "[4, 1] does not broadcast to [4, 2, 4], the slice of prompts[0]");
  EXPECT_EQ(set(kPattern, {4, 4}), field + "[4, 4] does not broadcast to [4, 2, 2], the slice of prompts[1]");
  EXPECT_EQ(set(kResid, {0, 16}), field + "[0, 16] does not broadcast to [4, 16], the slice of prompts[0]");
  EXPECT_EQ(RefusalOf(On(kResid, AddVector{Ramp({3}), 1})),
            "interventions[0].add.vector.shape: [3] does not broadcast to [4, 16], the slice of prompts[0]");
  for (const std::vector<int64_t>& shape : std::vector<std::vector<int64_t>>{{}, {16}, {1, 16}, {1, 1}, {2, 1, 16}}) {
    EXPECT_EQ(set(kResid, shape), "");
  }
}

TEST_F(PatchedRunValidationTest, RefusesTwoInterventionsOnOneSlice) {
  EXPECT_EQ(RefusalOf({On(kZ, Ablation::kZero, {1}), On(kZ, Ablation::kResample, {0, 1}, Indices({-1}))}),
            "interventions[1]: the same slice as interventions[0]: blocks.1.attn.hook_z, head 1, position 3");
  // Position 0 and the last one are the same in a prompt of one token only.
  const std::vector<Intervention> ends = {On(kMlp, Ablation::kZero, {}, Indices({0})),
                                          On(kMlp, Ablation::kZero, {}, Indices({-1}))};
  EXPECT_EQ(RefusalOf(ends), "");
  request_.prompts = {{1, 2, 3, 4}, {5}};
  EXPECT_EQ(RefusalOf(ends), "interventions[1]: the same slice as interventions[0]: blocks.2.hook_mlp_out, position 0");
  // A token and a role meet in one of the prompts.
  request_.prompts = {{1, 2, 3, 4}, {5, 2, 6, 7}};
  request_.roles = {{{"subject", 2}}, {{"subject", 1}}};
  EXPECT_EQ(RefusalOf({On(kMlp, ScaleBy{2}, {}, Indices({0})), On(kMlp, ScaleBy{2}, {}, Tokens({2})),
                       On(kMlp, ScaleBy{2}, {}, Roles({"subject"}))}),
            "interventions[2]: the same slice as interventions[1]: blocks.2.hook_mlp_out, position 1");
}

TEST_F(PatchedRunValidationTest, TakesSlicesOfAttentionByHeadQueryAndKey) {
  const auto zero = [](std::vector<int> heads, std::vector<int> queries, std::vector<int> keys) {
    return On(kPattern, Ablation::kZero, std::move(heads), Indices(std::move(queries)), Indices(std::move(keys)));
  };
  request_.prompts = {{1, 2, 3, 4}};
  EXPECT_EQ(
      RefusalOf({zero({0, 1}, {2, 3}, {1}), zero({0, 1}, {2, 3}, {0, 2}), zero({2}, {2}, {1}), zero({}, {0}, {0})}),
      "");
  EXPECT_EQ(RefusalOf({zero({0, 1}, {2, 3}, {1}), zero({1}, {}, {0, 1})}),
            "interventions[1]: the same slice as interventions[0]: blocks.0.attn.hook_pattern, head 1, query 2, key 1");
  // Both have key 3 after query 2, which carries nothing.
  EXPECT_EQ(RefusalOf({zero({1}, {2}, {3, 0}), zero({1}, {2}, {3, 1})}), "");
}

TEST_F(PatchedRunValidationTest, RefusesTooMuchToCheck) {
  EXPECT_EQ(RefusalOf(std::vector(1025, On(kMlp, Ablation::kZero))), "interventions: 1025, must be at most 1024");
  request_.source_prompts.clear();
  request_.prompts.assign(4096, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  std::vector<Intervention> many;
  for (int i = 0; i < 1024; ++i) many.push_back(On(kMlp, ScaleBy{1}, {}, Tokens({1 + i % 12})));
  EXPECT_THAT(RefusalOf(many), HasSubstr("interventions: their slices take over 67108864 steps to check"));
  // Where only lengths matter, one prompt of each length is looked at.
  many.clear();
  for (int i = 0; i < 12; ++i) many.push_back(On(kMlp, ScaleBy{1}, {}, Indices({i})));
  EXPECT_EQ(RefusalOf(many), "");
}

TEST_F(PatchedRunValidationTest, RefusesSourcesThatDoNotFit) {
  request_.source_prompts = {{7, 8, 9, 10}};
  EXPECT_EQ(RefusalOf(On(kMlp, Ablation::kResample)),
            "source_prompts: 1, resample ablation needs one for each of the 2 prompts");
  request_.source_prompts = {{7, 8, 9, 10}, {1, 2, 3}};
  EXPECT_EQ(Refusal(), "source_prompts[1]: 3 tokens, its prompt has 2");
  request_.source_prompts.clear();
  EXPECT_EQ(Refusal(), "source_prompts: none, mean and resample ablation need them");
  request_.source_prompts = {{7, 8}};
  EXPECT_EQ(RefusalOf(On(kMlp, Ablation::kMean)),
            "interventions[0].ablation: a mean at position 3, the longest of source_prompts has 2 tokens");
  EXPECT_EQ(RefusalOf(On(kPattern, Ablation::kMean, {}, Indices({1}))), "");
}

TEST_F(PatchedRunValidationTest, RefusesMeansOfAttentionThatTakeTooMuchRoom) {
  ModelConfig config = model_->config();
  config.n_ctx = 8192;
  request_.source_prompts = {std::vector<int>(8192, 1)};
  request_.interventions = {On(kPattern, Ablation::kMean)};
  EXPECT_EQ(ValidatePatchedRun(config, request_).message(),
            "interventions: means of hook_attn_scores and hook_pattern of 268435456 values, must be at most 134217728");
}

TEST_F(PatchedRunValidationTest, RefusesAnswersAndCapturesThatDoNotFit) {
  request_.answers = {{{3}, {4}}, {{5, 6}, {7}}};
  EXPECT_EQ(Refusal(), "answers: 2, the request's metric uses none");
  request_.metric = Metric::kLogitDiff;
  request_.answers = {{{3}, {4}}};
  EXPECT_THAT(Refusal(), HasSubstr("answers: 1"));
  request_.answers = {{{3}, {4}}, {{}, {1}}};
  EXPECT_EQ(Refusal(), "answers[1].correct: none, at least 1 is needed");
  request_.answers = {{{3}, {23}}, {{2}, {1}}};
  EXPECT_EQ(Refusal(), "answers[0].incorrect[0]: 23, d_vocab is 23 (0-22)");
  request_.answers = {{{3}, {}}, {{2}, {}}};
  request_.metric = Metric::kNll;
  EXPECT_EQ(Refusal(), "");
  request_.capture.hooks = {kZ};
  request_.capture.heads = {4};
  EXPECT_EQ(Refusal(), "capture.heads[0]: 4, model has 4 (0-3)");
}

}  // namespace
}  // namespace circuitd
