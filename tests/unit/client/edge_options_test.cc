#include "client/cli/edge_options.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/plan_of.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

v1::EdgePruningSpec Edges(const std::string& arguments) {
  const auto plan = PlanOf<EdgePruningOptions>("-m m -t numerals " + arguments);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? plan->spec.edge_pruning() : v1::EdgePruningSpec();
}

v1::AcdcSpec Acdc(const std::string& arguments) {
  const auto plan = PlanOf<AcdcOptions>("-m m -t numerals " + arguments);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? plan->spec.acdc() : v1::AcdcSpec();
}

v1::EdgeAttributionSpec Attribution(const std::string& arguments) {
  const auto plan = PlanOf<AttributionOptions>("-m m -t numerals " + arguments);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? plan->spec.edge_attribution() : v1::EdgeAttributionSpec();
}

TEST(EdgePruningOptionsTest, TakesAJobsCircuitByNameOrId) {
  EXPECT_EQ(Edges("--circuit jobs/4jcjlld5gqno").circuit().job(), "jobs/4jcjlld5gqno");
  EXPECT_EQ(Edges("--circuit 4jcjlld5gqno").circuit().job(), "jobs/4jcjlld5gqno");
}

TEST(EdgePruningOptionsTest, TakesAFileWhateverIsInItAndLeavesItsNameToTheUpload) {
  const TempFolder folder;
  const auto plan =
      PlanOf<EdgePruningOptions>("-m m -t numerals --circuit " + folder.Write("months.json", "no circuit"));
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_EQ(plan->spec.edge_pruning().circuit().source_case(), v1::CircuitSource::SOURCE_NOT_SET);
  EXPECT_EQ(plan->spec.edge_pruning().circuit().label(), "months");
  EXPECT_EQ(plan->uploads.size(), 2u);
}

TEST(EdgePruningOptionsTest, SaysWhichFileIsNotThere) {
  EXPECT_EQ(PlanOf<EdgePruningOptions>("-m m -t t --circuit none.json").status().code(), absl::StatusCode::kNotFound);
  EXPECT_THROW((void)PlanOf<EdgePruningOptions>("-m m -t t"), CLI::ParseError);
}

TEST(EdgePruningOptionsTest, SaysWhatIsNeitherFileNorJob) {
  for (const std::string argument : {"nosuch", "jobs/nosuch", "4jcjlld5gqn1", "4jcjlld5gqnoo", "4JCJLLD5GQNO"}) {
    const auto plan = PlanOf<EdgePruningOptions>("-m m -t t --circuit " + argument);
    EXPECT_EQ(plan.status().code(), absl::StatusCode::kNotFound) << argument;
    EXPECT_THAT(std::string(plan.status().message()), testing::StartsWith(argument + ": no such file")) << argument;
  }
}

TEST(EdgePruningOptionsTest, LeavesTheThresholdToTheServer) {
  const v1::EdgePruningSpec plain = Edges("--circuit 4jcjlld5gqno");
  EXPECT_EQ(plain.model(), "m");
  EXPECT_EQ(plain.prompts().task().task(), "numerals");
  EXPECT_FALSE(plain.has_threshold());
  EXPECT_EQ(plain.freeze(), v1::PATH_FREEZE_ALL);
  const v1::EdgePruningSpec full = Edges("--circuit 4jcjlld5gqno --threshold 0.5 --freeze heads --means clean");
  EXPECT_EQ(full.threshold(), 0.5);
  EXPECT_EQ(full.freeze(), v1::PATH_FREEZE_HEADS);
  EXPECT_EQ(full.means(), v1::MLP_MEANS_CLEAN);
}

TEST(AcdcOptionsTest, PassesEveryOptionOn) {
  const v1::AcdcSpec plain = Acdc("--threshold 0.01");
  EXPECT_EQ(plain.threshold(), 0.01);
  EXPECT_EQ(plain.metric(), v1::METRIC_KL_DIV);
  EXPECT_EQ(plain.ablation(), v1::ABLATION_RESAMPLE);
  const v1::AcdcSpec full = Acdc("--threshold -1 --metric rank --ablation zero");
  EXPECT_EQ(full.threshold(), -1);
  EXPECT_EQ(full.metric(), v1::METRIC_RANK);
  EXPECT_EQ(full.ablation(), v1::ABLATION_ZERO);
  EXPECT_THROW(Acdc(""), CLI::ParseError);
}

TEST(AttributionOptionsTest, ChoosesTheBest200EdgesUnlessItIsTold) {
  const v1::EdgeAttributionSpec spec = Attribution("");
  EXPECT_EQ(spec.method(), v1::ATTRIBUTION_METHOD_EAP);
  EXPECT_EQ(spec.metric(), v1::METRIC_LOGIT_DIFF);
  EXPECT_EQ(spec.ablation(), v1::ABLATION_RESAMPLE);
  EXPECT_FALSE(spec.has_steps());
  EXPECT_EQ(spec.selection().top_k(), 200u);
  EXPECT_FALSE(spec.selection().signed_scores());
  EXPECT_FALSE(spec.selection().keep_dangling());
}

TEST(AttributionOptionsTest, PassesEveryOptionOn) {
  const v1::EdgeAttributionSpec spec = Attribution(
      "--method eap-ig-activations --steps 64 --metric kl_div --ablation mean --seed 3 --greedy 7 "
      "--signed --keep-dangling");
  EXPECT_EQ(spec.method(), v1::ATTRIBUTION_METHOD_EAP_IG_ACTIVATIONS);
  EXPECT_EQ(spec.steps(), 64u);
  EXPECT_EQ(spec.metric(), v1::METRIC_KL_DIV);
  EXPECT_EQ(spec.ablation(), v1::ABLATION_MEAN);
  EXPECT_EQ(spec.prompts().task().seed(), 3u);
  EXPECT_EQ(spec.selection().greedy(), 7u);
  EXPECT_TRUE(spec.selection().signed_scores());
  EXPECT_TRUE(spec.selection().keep_dangling());
}

TEST(AttributionOptionsTest, TakesOneSelection) {
  EXPECT_EQ(Attribution("--score-threshold 0").selection().rule_case(), v1::EdgeSelection::kThreshold);
  EXPECT_EQ(Attribution("--top-k 0").selection().rule_case(), v1::EdgeSelection::kTopK);
  EXPECT_THROW(Attribution("--top-k 1 --greedy 1"), CLI::ParseError);
  EXPECT_THROW(Attribution("--score-threshold 1 --greedy 1"), CLI::ParseError);
  EXPECT_THROW(Attribution("--top-k 1 --score-threshold 1"), CLI::ParseError);
}

TEST(AttributionOptionsTest, RefusesOptionsOfOtherMethods) {
  EXPECT_EQ(Attribution("--method random --random-seed 9").seed(), 9u);
  EXPECT_EQ(Attribution("--method eap-ig --steps 7").steps(), 7u);
  const std::pair<const char*, const char*> refused[] = {{"--steps", ""},
                                                         {"--steps", "--method exact"},
                                                         {"--steps", "--method random"},
                                                         {"--random-seed", ""},
                                                         {"--random-seed", "--method eap-ig"}};
  for (const auto& [option, method] : refused) {
    const auto plan = PlanOf<AttributionOptions>(absl::StrCat("-m m -t numerals ", option, " 7 ", method));
    EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument) << option << " " << method;
    EXPECT_THAT(plan.status().message(), testing::HasSubstr(absl::StrCat(option, ": only with"))) << method;
  }
}

TEST(AttributionOptionsTest, RefusesNumbersThatAreNoCounts) {
  for (const char* option : {"--top-k", "--greedy", "--steps", "--random-seed", "--seed", "-n"}) {
    for (const char* value : {"-1", "-18446744073709551615", "1.5", "many", "0x10", "18446744073709551616"}) {
      EXPECT_THROW(Attribution(absl::StrCat(option, " ", value)), CLI::ParseError) << option << " " << value;
    }
  }
  EXPECT_EQ(Attribution("--top-k 010").selection().top_k(), 10u);
}

}  // namespace
}  // namespace circuitd::client
