#include "client/cli/intervention_text.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Complaint(const absl::StatusOr<v1::Intervention>& parsed) {
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(parsed.status().message());
}

TEST(ParseAblateTest, ReadsAHead) {
  const auto parsed = ParseAblate("A3.0=mean");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->hook(), "blocks.3.attn.hook_z");
  EXPECT_THAT(parsed->heads(), ElementsAre(0));
  EXPECT_THAT(parsed->positions(), IsEmpty());
  EXPECT_EQ(parsed->ablation(), v1::ABLATION_MEAN);
}

TEST(ParseAblateTest, ReadsAnMlpAtPositions) {
  const auto parsed = ParseAblate("M2@-1,0=zero");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->hook(), "blocks.2.hook_mlp_out");
  EXPECT_THAT(parsed->heads(), IsEmpty());
  EXPECT_THAT(parsed->positions(), ElementsAre(-1, 0));
  EXPECT_EQ(parsed->ablation(), v1::ABLATION_ZERO);
}

TEST(ParseAblateTest, ReadsAllHeadsOfALayer) {
  const auto parsed = ParseAblate("A1.*=resample");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->hook(), "blocks.1.attn.hook_z");
  EXPECT_THAT(parsed->heads(), IsEmpty());
  EXPECT_EQ(parsed->ablation(), v1::ABLATION_RESAMPLE);
}

TEST(ParseAblateTest, RejectsWhatIsNotANode) {
  for (const char* text :
       {"A3=mean", "A3.x=mean", "M=zero", "M2.1=zero", "B1.0=zero", "=zero", "A-1.0=zero", "A99999999999.0=zero"}) {
    EXPECT_THAT(Complaint(ParseAblate(text)), HasSubstr("is not a node")) << text;
  }
}

TEST(ParseAblateTest, RejectsWrongAblationsAndPositions) {
  EXPECT_THAT(Complaint(ParseAblate("A3.0=noise")), HasSubstr("'noise' is not an ablation"));
  EXPECT_THAT(Complaint(ParseAblate("A3.0@x=mean")), HasSubstr("'x' is not a whole number"));
  EXPECT_THAT(Complaint(ParseAblate("A3.0@=mean")), HasSubstr("'' is not a whole number"));
  EXPECT_THAT(Complaint(ParseAblate("A3.0")), HasSubstr("expected NODE[@POSITIONS]=ABLATION"));
}

TEST(ParseInterventionTest, ReadsAllParts) {
  const auto parsed = ParseIntervention("blocks.3.attn.hook_z:heads=0,2:positions=-1:ablation=mean");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->hook(), "blocks.3.attn.hook_z");
  EXPECT_THAT(parsed->heads(), ElementsAre(0, 2));
  EXPECT_THAT(parsed->positions(), ElementsAre(-1));
  EXPECT_EQ(parsed->ablation(), v1::ABLATION_MEAN);
}

TEST(ParseInterventionTest, LeavesUnknownHooksToTheServer) {
  const auto parsed = ParseIntervention("blocks.99.nothing:ablation=zero");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->hook(), "blocks.99.nothing");
}

TEST(ParseInterventionTest, RejectsMissingAndUnknownParts) {
  EXPECT_THAT(Complaint(ParseIntervention("blocks.3.attn.hook_z")), HasSubstr("no ablation"));
  EXPECT_THAT(Complaint(ParseIntervention("blocks.3.attn.hook_z:head=1:ablation=zero")), HasSubstr("'head=1'"));
  EXPECT_THAT(Complaint(ParseIntervention("h:heads=-1:ablation=zero")), HasSubstr("'-1' is not a whole number"));
}

TEST(ParseIdsTest, ReadsAListAndRejectsTheRest) {
  EXPECT_THAT(ParseIds("464,11,50256").value(), ElementsAre(464, 11, 50256));
  for (const char* text : {"", "1,", "1,,2", "-1", "4294967296", "a"}) {
    EXPECT_EQ(ParseIds(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(NodeNameTest, SpellsEveryKind) {
  v1::Node node;
  EXPECT_EQ(NodeName(node), "?");
  node.set_kind(v1::NODE_KIND_ATTENTION_HEAD);
  node.set_layer(7);
  node.set_head(11);
  EXPECT_EQ(NodeName(node), "A7.11");
  node.set_input(v1::HEAD_INPUT_Q);
  EXPECT_EQ(NodeName(node), "A7.11.q");
  node.set_kind(v1::NODE_KIND_MLP);
  EXPECT_EQ(NodeName(node), "M7");
  node.set_kind(v1::NODE_KIND_EMBED);
  EXPECT_EQ(NodeName(node), "embed");
  node.set_kind(v1::NODE_KIND_LOGITS);
  EXPECT_EQ(NodeName(node), "logits");
}

}  // namespace
}  // namespace circuitd::client
