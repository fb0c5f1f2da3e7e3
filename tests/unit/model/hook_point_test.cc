// Names of hook points.
#include "server/model/hook_point.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kKinds = static_cast<int>(HookKind::kLnFinalNormalized) + 1;

TEST(HookPointTest, ReadsWhatItWrites) {
  for (int kind = 0; kind < kKinds; ++kind) {
    HookPoint point{static_cast<HookKind>(kind), 3};
    const std::string name = HookPointName(point);
    if (name.rfind("blocks.", 0) != 0) point.layer = -1;
    const auto parsed = ParseHookPoint(name, 4);
    ASSERT_TRUE(parsed.ok()) << name << ": " << parsed.status();
    EXPECT_EQ(*parsed, point) << name;
  }
}

TEST(HookPointTest, SpellsInputsAsTransformerLens) {
  EXPECT_EQ(HookPointName({HookKind::kQInput, 2}), "blocks.2.hook_q_input");
  EXPECT_EQ(HookPointName({HookKind::kKInput, 2}), "blocks.2.hook_k_input");
  EXPECT_EQ(HookPointName({HookKind::kVInput, 2}), "blocks.2.hook_v_input");
  EXPECT_EQ(HookPointName({HookKind::kMlpIn, 11}), "blocks.11.hook_mlp_in");
  EXPECT_EQ(HookPointName({HookKind::kLnFinalScale}), "ln_final.hook_scale");
}

TEST(HookPointTest, NamesTheBoundOfALayer) {
  EXPECT_EQ(ParseHookPoint("blocks.12.attn.hook_z", 12).status().message(), "layer 12, model has 12 (0-11)");
}

TEST(HookPointTest, RejectsOtherNames) {
  for (const char* name :
       {"", "hook_z", "blocks.", "blocks.0", "blocks.0.", "blocks.-1.hook_mlp_out", "blocks.+1.hook_mlp_out",
        "blocks. 1.hook_mlp_out", "blocks.1.hook_z", "blocks.1.hook_mlp_out ",
        "blocks.99999999999999999999.hook_mlp_out", "blocks.0.hook_embed"}) {
    EXPECT_EQ(ParseHookPoint(name, 12).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

TEST(HookPointTest, KnowsAxesAndWidths) {
  const ModelConfig config = testing::TinyConfig();
  EXPECT_EQ(AxesOf(HookKind::kResidPost), HookAxes::kPos);
  EXPECT_EQ(AxesOf(HookKind::kVInput), HookAxes::kPosHeads);
  EXPECT_EQ(AxesOf(HookKind::kPattern), HookAxes::kHeadsQueryKey);
  EXPECT_EQ(WidthOf(HookKind::kResult, config), 16);
  EXPECT_EQ(WidthOf(HookKind::kZ, config), 4);
  EXPECT_EQ(WidthOf(HookKind::kMlpPost, config), 64);
  EXPECT_EQ(WidthOf(HookKind::kLnFinalScale, config), 1);
}

TEST(HookKindTest, ReadsLayersKindsWithoutTheLayer) {
  EXPECT_EQ(HookKindName(HookKind::kZ), "attn.hook_z");
  EXPECT_EQ(*ParseLayerHookKind("attn.hook_z"), HookKind::kZ);
  EXPECT_EQ(*ParseLayerHookKind("hook_resid_pre"), HookKind::kResidPre);
  EXPECT_EQ(*ParseLayerHookKind("hook_resid_post"), HookKind::kResidPost);
  for (const char* name : {"", "hook_embed", "ln_final.hook_scale", "hook_z", "blocks.0.attn.hook_z"}) {
    EXPECT_EQ(ParseLayerHookKind(name).status().code(), absl::StatusCode::kInvalidArgument) << name;
  }
}

std::vector<std::string> Match(absl::string_view pattern, int n_layers = 2) {
  const auto points = MatchHookPoints(pattern, n_layers);
  EXPECT_TRUE(points.ok()) << points.status();
  std::vector<std::string> names;
  if (points.ok()) {
    for (const HookPoint point : *points) names.push_back(HookPointName(point));
  }
  return names;
}

TEST(MatchHookPointsTest, TakesANameAsItIs) {
  EXPECT_THAT(Match("blocks.1.attn.hook_z"), ElementsAre("blocks.1.attn.hook_z"));
  EXPECT_THAT(Match("hook_embed"), ElementsAre("hook_embed"));
}

TEST(MatchHookPointsTest, LetsAStarStandForAnything) {
  EXPECT_THAT(Match("blocks.*.attn.hook_pattern"),
              ElementsAre("blocks.0.attn.hook_pattern", "blocks.1.attn.hook_pattern"));
  EXPECT_THAT(Match("*embed"), ElementsAre("hook_embed", "hook_pos_embed"));
  EXPECT_THAT(Match("ln_final*"), ElementsAre("ln_final.hook_scale", "ln_final.hook_normalized"));
  EXPECT_THAT(Match("*.0.*hook_*_input"),
              ElementsAre("blocks.0.hook_q_input", "blocks.0.hook_k_input", "blocks.0.hook_v_input"));
  EXPECT_THAT(Match("blocks.1.attn.hook_z*"), ElementsAre("blocks.1.attn.hook_z"));
}

TEST(MatchHookPointsTest, GivesAllInForwardOrder) {
  const auto all = Match("**");
  ASSERT_EQ(all.size(), 2 + 2 * 22 + 2);
  EXPECT_EQ(all.front(), "hook_embed");
  EXPECT_EQ(all[2], "blocks.0.hook_resid_pre");
  EXPECT_EQ(all[23], "blocks.0.hook_resid_post");
  EXPECT_EQ(all[24], "blocks.1.hook_resid_pre");
  EXPECT_EQ(all.back(), "ln_final.hook_normalized");
}

TEST(MatchHookPointsTest, TakesNothingTwiceForThePartsOfAPattern) {
  // "hook_z" is one "hook_z", not also the second one; a prefix and a suffix may not share characters.
  EXPECT_FALSE(MatchHookPoints("*hook_z*hook_z*", 2).ok());
  EXPECT_FALSE(MatchHookPoints("hook_embed*embed", 2).ok());
}

TEST(MatchHookPointsTest, RefusesWhatMatchesNothing) {
  const auto status = MatchHookPoints("blocks.*.hook_w", 2).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("'blocks.*.hook_w' matches no hook point of 2 layers; they are"));
  EXPECT_EQ(MatchHookPoints("", 2).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MatchHookPoints("blocks.2.attn.hook_z", 2).status().message(), "layer 2, model has 2 (0-1)");
}

TEST(MatchHookPointsTest, BoundsAPatternsLength) {
  EXPECT_EQ(Match(std::string(256, '*')).size(), 48);
  EXPECT_EQ(MatchHookPoints(std::string(257, '*'), 2).status().message(),
            "257 bytes, a hook point's pattern has at most 256");
}

}  // namespace
}  // namespace circuitd
