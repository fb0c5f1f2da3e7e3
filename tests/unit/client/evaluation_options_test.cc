#include "client/cli/evaluation_options.h"

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/unit/client/plan_of.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

v1::EvaluationSpec Evaluation(const std::string& arguments) {
  const auto plan = PlanOf<EvaluationOptions>("-m m " + arguments);
  EXPECT_TRUE(plan.ok()) << plan.status();
  return plan.ok() ? plan->spec.evaluation() : v1::EvaluationSpec();
}

std::vector<std::string> TaskLabels(const v1::EvaluationSpec& spec) {
  std::vector<std::string> labels;
  for (const v1::EvaluationTask& task : spec.tasks()) labels.push_back(task.label());
  return labels;
}

std::vector<std::string> CircuitLabels(const v1::EvaluationSpec& spec) {
  std::vector<std::string> labels;
  for (const v1::CircuitSource& circuit : spec.circuits()) labels.push_back(circuit.label());
  return labels;
}

std::string Complaint(const std::string& arguments) {
  const auto plan = PlanOf<EvaluationOptions>("-m m --circuit 4jcjlld5gqno " + arguments);
  EXPECT_EQ(plan.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(plan.status().message());
}

TEST(EvaluationOptionsTest, TakesSeveralTasksThatShareTheirOptions) {
  const v1::EvaluationSpec spec = Evaluation("--circuit 4jcjlld5gqno -t numerals,months -t ioi --seed 5 -n 8");
  EXPECT_THAT(TaskLabels(spec), ElementsAre("numerals", "months", "ioi"));
  for (const v1::EvaluationTask& task : spec.tasks()) {
    EXPECT_EQ(task.prompts().task().task(), task.label());
    EXPECT_EQ(task.prompts().task().seed(), 5u);
    EXPECT_EQ(task.prompts().num_samples(), 8u);
  }
}

TEST(EvaluationOptionsTest, NumbersTasksThatAreThereTwice) {
  const TempFolder folder;
  const std::string pairs = folder.Write("numerals-2.jsonl", "{}\n");
  const v1::EvaluationSpec spec =
      Evaluation("--circuit 4jcjlld5gqno -t numerals,numerals,numerals --prompts " + pairs + " --prompts " + pairs);
  EXPECT_THAT(TaskLabels(spec), ElementsAre("numerals", "numerals-2", "numerals-3", "numerals-2-2", "numerals-2-3"));
  EXPECT_EQ(spec.tasks(2).prompts().task().task(), "numerals");
}

TEST(EvaluationOptionsTest, TakesFilesBesideTasks) {
  const TempFolder folder;
  const std::string pairs = folder.Write("mine.jsonl", "{}\n");
  const v1::EvaluationSpec spec = Evaluation("--circuit 4jcjlld5gqno -t numerals --variants done --prompts " + pairs);
  EXPECT_THAT(TaskLabels(spec), ElementsAre("numerals", "mine"));
  EXPECT_THAT(spec.tasks(0).prompts().task().variants(), ElementsAre("done"));
  EXPECT_EQ(spec.tasks(1).prompts().source_case(), v1::PromptSource::SOURCE_NOT_SET);
}

TEST(EvaluationOptionsTest, TakesAllTasksFromOneFolder) {
  const TempFolder folder;
  for (const std::string task : {"a", "b"}) {
    for (const char* variant : {"done", "lost", "names"}) folder.Write(task + "_prompts_" + variant + ".jsonl", "{}\n");
    folder.Write("randDS_" + task + ".jsonl", "{}\n{}\n{}\n");
  }
  const auto plan = PlanOf<EvaluationOptions>("-m m --circuit 4jcjlld5gqno -t a,b --prompts " + folder.path());
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_THAT(TaskLabels(plan->spec.evaluation()), ElementsAre("a", "b"));
  EXPECT_EQ(plan->uploads.size(), 3u);
  const TempFolder second;
  EXPECT_THAT(Complaint("-t a --prompts " + folder.path() + " --prompts " + second.path()), HasSubstr("give one"));
  EXPECT_THAT(Complaint("--prompts " + folder.path()), HasSubstr("--task"));
}

TEST(EvaluationOptionsTest, AsksForPrompts) {
  EXPECT_THAT(Complaint(""), HasSubstr("no prompts"));
  EXPECT_THAT(Complaint("-t a --corrupted x"), HasSubstr("--corrupted"));
}

TEST(EvaluationOptionsTest, CallsCircuitsAfterTheirFilesAndFolders) {
  const TempFolder folder;
  std::filesystem::create_directories(folder.File("months-7x"));
  folder.Write("months-7x/circuit.json", "{}");
  const std::string months = folder.File("months-7x");
  const std::string ioi = folder.Write("ioi.json", "{}");
  const v1::EvaluationSpec spec = Evaluation("-t t --circuit " + months + "/ --circuit " + months +
                                             "/circuit.json --circuit " + ioi + " --circuit jobs/4jcjlld5gqno");
  EXPECT_THAT(CircuitLabels(spec), ElementsAre("months-7x", "months-7x-2", "ioi", "4jcjlld5gqno"));
  EXPECT_EQ(spec.circuits(3).job(), "jobs/4jcjlld5gqno");
}

TEST(EvaluationOptionsTest, CutsLabelsToWhatTheServerTakes) {
  EXPECT_EQ(ShortLabel(std::string(100, 'x')).size(), kMaxLabelBytes);
  EXPECT_EQ(ShortLabel(std::string(62, 'x') + "é"), std::string(62, 'x'));
  EXPECT_EQ(ShortLabel("\xff"), "");
}

TEST(EvaluationOptionsTest, AsksForNoMoreThanItIsTold) {
  const v1::EvaluationSpec spec = Evaluation("--circuit 4jcjlld5gqno -t t");
  EXPECT_EQ(spec.ablation(), v1::ABLATION_MEAN);
  EXPECT_EQ(spec.metric(), v1::METRIC_LOGIT_DIFF);
  EXPECT_EQ(spec.run(), v1::CIRCUIT_RUN_UNSPECIFIED);
  EXPECT_FALSE(spec.has_random_circuits());
  EXPECT_FALSE(spec.drop_one());
  EXPECT_EQ(spec.knockout_subsets(), 0u);
  EXPECT_FALSE(spec.curve());
  EXPECT_FALSE(spec.has_curve_selection());
}

TEST(EvaluationOptionsTest, PassesEveryOptionOn) {
  const v1::EvaluationSpec spec = Evaluation(
      "--circuit 4jcjlld5gqno -t t --ablation resample --means clean --metric prob_diff --random 0 --random-seed 4 "
      "--drop-one "
      "--knockouts 9 --curve --greedy --signed --patch-into-corrupted");
  EXPECT_EQ(spec.model(), "m");
  EXPECT_EQ(spec.ablation(), v1::ABLATION_RESAMPLE);
  EXPECT_EQ(spec.means(), v1::MLP_MEANS_CLEAN);
  EXPECT_EQ(spec.metric(), v1::METRIC_PROB_DIFF);
  EXPECT_TRUE(spec.has_random_circuits());
  EXPECT_EQ(spec.random_circuits(), 0u);
  EXPECT_EQ(spec.seed(), 4u);
  EXPECT_TRUE(spec.drop_one());
  EXPECT_EQ(spec.knockout_subsets(), 9u);
  EXPECT_TRUE(spec.curve());
  EXPECT_EQ(spec.curve_selection().rule_case(), v1::EdgeSelection::kGreedy);
  EXPECT_TRUE(spec.curve_selection().signed_scores());
  EXPECT_EQ(spec.run(), v1::CIRCUIT_RUN_PATCH_INTO_CORRUPTED);
  EXPECT_EQ(Evaluation("--circuit 4jcjlld5gqno -t t --curve").curve_selection().rule_case(), v1::EdgeSelection::kTopK);
  EXPECT_THROW(Evaluation("--circuit 4jcjlld5gqno -t t --greedy"), CLI::ParseError);
  EXPECT_THROW(Evaluation("-t t"), CLI::ParseError);
}

TEST(EvaluationOptionsTest, RefusesNegativeNumbers) {
  for (const std::string option : {"--random", "--random-seed", "--knockouts", "--top", "--seed"}) {
    EXPECT_THROW(Evaluation("--circuit 4jcjlld5gqno -t t " + option + " -1"), CLI::ParseError) << option;
  }
}

}  // namespace
}  // namespace circuitd::client
