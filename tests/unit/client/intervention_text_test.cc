#include "client/cli/intervention_text.h"

#include <string>

#include "client/tensor_collector.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/temp_folder.h"

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
  EXPECT_THAT(parsed->positions().indices(), IsEmpty());
  EXPECT_EQ(parsed->ablation(), v1::ABLATION_MEAN);
}

TEST(ParseAblateTest, ReadsAnMlpAtPositions) {
  const auto parsed = ParseAblate("M2@-1,0=zero");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->hook(), "blocks.2.hook_mlp_out");
  EXPECT_THAT(parsed->heads(), IsEmpty());
  EXPECT_THAT(parsed->positions().indices(), ElementsAre(-1, 0));
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
  EXPECT_THAT(Complaint(ParseAblate("A3.0.q=mean")), HasSubstr("is not a node"));
  EXPECT_THAT(Complaint(ParseAblate("A3.0")), HasSubstr("expected NODE[@POSITIONS]=ABLATION"));
}

TEST(ParseInterventionTest, ReadsAllParts) {
  const auto parsed = ParseIntervention("blocks.3.attn.hook_z:heads=0,2:positions=-1:ablation=mean");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->hook(), "blocks.3.attn.hook_z");
  EXPECT_THAT(parsed->heads(), ElementsAre(0, 2));
  EXPECT_THAT(parsed->positions().indices(), ElementsAre(-1));
  EXPECT_EQ(parsed->ablation(), v1::ABLATION_MEAN);
}

TEST(ParseInterventionTest, LeavesUnknownHooksToTheServer) {
  const auto parsed = ParseIntervention("blocks.99.nothing:ablation=zero");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->hook(), "blocks.99.nothing");
}

TEST(ParseInterventionTest, RejectsMissingAndUnknownParts) {
  EXPECT_THAT(Complaint(ParseIntervention("blocks.3.attn.hook_z")), HasSubstr("no action"));
  EXPECT_THAT(Complaint(ParseIntervention("blocks.3.attn.hook_z:head=1:ablation=zero")), HasSubstr("'head=1'"));
  EXPECT_THAT(Complaint(ParseIntervention("h:heads=-1:ablation=zero")), HasSubstr("'-1' is not a whole number"));
}

TEST(ParseAblateTest, TakesPositionsByTokenAndRole) {
  const auto parsed = ParseAblate("A3.0@role:end,token:\" a=b@c\"=mean");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->positions().roles(), ElementsAre("end"));
  EXPECT_EQ(parsed->positions().tokens(0).text(), " a=b@c");
}

TEST(ParseInterventionTest, ReadsQueriesAndKeys) {
  const auto parsed = ParseIntervention(
      "blocks.1.attn.hook_pattern:heads=4:positions=-1,role:end:keys=token:\" in: x\",role:last_member:ablation=zero");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->positions().indices(), ElementsAre(-1));
  EXPECT_THAT(parsed->positions().roles(), ElementsAre("end"));
  EXPECT_EQ(parsed->key_positions().tokens(0).text(), " in: x");
  EXPECT_THAT(parsed->key_positions().roles(), ElementsAre("last_member"));
}

TEST(ParseInterventionTest, ReadsScalesAndNoise) {
  EXPECT_EQ(ParseIntervention("h:scale=-2.5")->scale(), -2.5);
  const auto noise = ParseIntervention("h:noise=0.1,seed=7");
  ASSERT_TRUE(noise.ok()) << noise.status();
  EXPECT_EQ(noise->noise().standard_deviation(), 0.1);
  EXPECT_EQ(noise->noise().seed(), 7u);
  EXPECT_EQ(ParseIntervention("h:noise=1")->noise().seed(), 0u);
}

TEST(ParseInterventionTest, ReadsTensorsFromFiles) {
  const TempFolder folder;
  const std::string path = folder.File("a:b.safetensors");
  ASSERT_TRUE(
      WriteSafetensors(*AtomicFile::Create(path), {{"blocks.0/3", v1::DATA_TYPE_FLOAT16, {1, 2}, "abcd"}}).ok());
  const auto add = ParseIntervention("h:heads=1:add=" + path + "#blocks.0/3*-1.5");
  ASSERT_TRUE(add.ok()) << add.status();
  EXPECT_EQ(add->add().coefficient(), -1.5);
  EXPECT_EQ(add->add().vector().data_type(), v1::DATA_TYPE_FLOAT16);
  EXPECT_THAT(add->add().vector().shape(), ElementsAre(1, 2));
  EXPECT_EQ(add->add().vector().data(), "abcd");
  EXPECT_EQ(ParseIntervention("h:add=" + path + "#blocks.0/3")->add().coefficient(), 1);
  EXPECT_EQ(ParseIntervention("h:set=" + path + "#blocks.0/3")->set().data(), "abcd");
  EXPECT_EQ(ParseIntervention("h:set=" + path + "#other").status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ParseIntervention("h:set=" + folder.File("absent") + "#x").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Complaint(ParseIntervention("h:set=" + folder.Write("text", "no tensors") + "#x")), HasSubstr("text"));
  EXPECT_THAT(Complaint(ParseIntervention("h:set=" + path)), HasSubstr("is not FILE.safetensors#TENSOR"));
}

TEST(ParseInterventionTest, RejectsWrongActions) {
  EXPECT_THAT(Complaint(ParseIntervention("h:scale=x")), HasSubstr("'x' is not a number"));
  EXPECT_THAT(Complaint(ParseIntervention("h:noise=1,2")), HasSubstr("STANDARD_DEVIATION[,seed=N]"));
  EXPECT_THAT(Complaint(ParseIntervention("h:noise=1,seed=-2")), HasSubstr("STANDARD_DEVIATION[,seed=N]"));
  EXPECT_THAT(Complaint(ParseIntervention("h:scale=1:ablation=zero")), HasSubstr("a second action"));
  EXPECT_THAT(Complaint(ParseIntervention("h:positions=token:\"x:scale=1")), HasSubstr("is not closed"));
}

}  // namespace
}  // namespace circuitd::client
