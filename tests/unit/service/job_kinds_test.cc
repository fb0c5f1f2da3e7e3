// What is refused at the submit of jobs that find and judge circuits.
#include "server/service/job_kinds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "base/status.h"
#include "server/service/job_requests.h"
#include "server/service/job_spec_parts.h"

namespace circuitd {
namespace {

constexpr char kSha256[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

void SetPrompts(v1::PromptSource& prompts) { prompts.mutable_task()->set_task("numerals"); }

v1::JobSpec EdgePruning() {
  v1::JobSpec job;
  job.mutable_edge_pruning()->set_model("demo");
  SetPrompts(*job.mutable_edge_pruning()->mutable_prompts());
  job.mutable_edge_pruning()->mutable_circuit()->set_job("jobs/abcdefghij23");
  return job;
}

v1::JobSpec Acdc() {
  v1::JobSpec job;
  job.mutable_acdc()->set_model("demo");
  SetPrompts(*job.mutable_acdc()->mutable_prompts());
  return job;
}

v1::JobSpec Attribution() {
  v1::JobSpec job;
  job.mutable_edge_attribution()->set_model("demo");
  SetPrompts(*job.mutable_edge_attribution()->mutable_prompts());
  job.mutable_edge_attribution()->mutable_selection()->set_top_k(10);
  return job;
}

v1::JobSpec Evaluation() {
  v1::JobSpec job;
  job.mutable_evaluation()->set_model("demo");
  SetPrompts(*job.mutable_evaluation()->add_tasks()->mutable_prompts());
  job.mutable_evaluation()->add_circuits()->set_dataset_sha256(kSha256);
  return job;
}

absl::Status Validate(const v1::JobSpec& spec) {
  v1::SubmitJobRequest request;
  *request.mutable_spec() = spec;
  return ValidateSubmit(request, absl::FromUnixSeconds(1'700'000'000));
}

TEST(JobKindsTest, AcceptWhatIsFine) {
  for (const v1::JobSpec& spec : {EdgePruning(), Acdc(), Attribution(), Evaluation()}) {
    EXPECT_TRUE(Validate(spec).ok()) << KindName(spec) << Validate(spec);
  }
  v1::JobSpec spec = Acdc();
  spec.mutable_acdc()->set_threshold(-1);  // of a loss, which may be anything
  spec.mutable_acdc()->set_metric(v1::METRIC_RANK);
  EXPECT_TRUE(Validate(spec).ok());
  spec = Attribution();
  spec.mutable_edge_attribution()->set_method(v1::ATTRIBUTION_METHOD_EXACT);
  spec.mutable_edge_attribution()->set_metric(v1::METRIC_ACCURACY);
  spec.mutable_edge_attribution()->set_steps(1000);
  spec.mutable_edge_attribution()->mutable_selection()->set_threshold(-2);
  EXPECT_TRUE(Validate(spec).ok()) << Validate(spec);
}

TEST(JobKindsTest, FillInWhatALeftOutFieldMeans) {
  v1::JobSpec spec = EdgePruning();
  KindOf(spec)->fill_defaults(spec);
  EXPECT_EQ(spec.edge_pruning().threshold(), 0.8);
  spec = Acdc();
  KindOf(spec)->fill_defaults(spec);
  EXPECT_EQ(spec.acdc().metric(), v1::METRIC_KL_DIV);
  EXPECT_EQ(spec.acdc().ablation(), v1::ABLATION_RESAMPLE);
  spec = Attribution();
  spec.mutable_edge_attribution()->set_steps(7);
  spec.mutable_edge_attribution()->set_seed(7);
  KindOf(spec)->fill_defaults(spec);
  // Of no meaning for EAP: jobs that differ in nothing else are equal.
  EXPECT_FALSE(spec.edge_attribution().has_steps());
  EXPECT_EQ(spec.edge_attribution().seed(), 0u);
  spec.mutable_edge_attribution()->set_method(v1::ATTRIBUTION_METHOD_EAP_IG_INPUTS);
  KindOf(spec)->fill_defaults(spec);
  EXPECT_EQ(spec.edge_attribution().steps(), 5u);
  spec = Evaluation();
  spec.mutable_evaluation()->set_metric(v1::METRIC_KL_DIV);
  KindOf(spec)->fill_defaults(spec);
  EXPECT_EQ(spec.evaluation().ablation(), v1::ABLATION_MEAN);
  EXPECT_EQ(spec.evaluation().means(), v1::MLP_MEANS_CLEAN);  // there are no others for it
  EXPECT_EQ(spec.evaluation().random_circuits(), 20u);
}

struct BadCase {
  const char* field;
  const char* says;
  v1::JobSpec spec;
  std::function<void(v1::JobSpec&)> spoil;
};

class JobKindsBadTest : public testing::TestWithParam<BadCase> {};

TEST_P(JobKindsBadTest, NamesFieldAndBound) {
  v1::JobSpec spec = GetParam().spec;
  GetParam().spoil(spec);
  const absl::Status status = Validate(spec);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << status;
  EXPECT_EQ(FieldOf(status), GetParam().field) << status;
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr(GetParam().says));
}

template <typename Enum>
Enum Unknown() {
  return static_cast<Enum>(77);
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

INSTANTIATE_TEST_SUITE_P(
    EdgePruning, JobKindsBadTest,
    testing::Values(
        BadCase{"spec.edge_pruning.model", "must be set", EdgePruning(),
                [](auto& s) { s.mutable_edge_pruning()->clear_model(); }},
        BadCase{"spec.edge_pruning.prompts.source", "must be set", EdgePruning(),
                [](auto& s) { s.mutable_edge_pruning()->clear_prompts(); }},
        BadCase{"spec.edge_pruning.circuit.source", "must be set", EdgePruning(),
                [](auto& s) { s.mutable_edge_pruning()->clear_circuit(); }},
        BadCase{"spec.edge_pruning.circuit.job", "must be jobs/", EdgePruning(),
                [](auto& s) { s.mutable_edge_pruning()->mutable_circuit()->set_job("7"); }},
        BadCase{"spec.edge_pruning.circuit.dataset_sha256", "hexadecimal", EdgePruning(),
                [](auto& s) { s.mutable_edge_pruning()->mutable_circuit()->set_dataset_sha256("7"); }},
        BadCase{"spec.edge_pruning.circuit.inline.nodes", "at least 1", EdgePruning(),
                [](auto& s) { s.mutable_edge_pruning()->mutable_circuit()->mutable_inline_(); }},
        BadCase{"spec.edge_pruning.circuit.label", "64 bytes, must be at most 63", EdgePruning(),
                [](auto& s) { s.mutable_edge_pruning()->mutable_circuit()->set_label(std::string(64, 'x')); }},
        BadCase{"spec.edge_pruning.circuit.label", "\"a\uFFFDb\", must have no control characters", EdgePruning(),
                [](auto& s) { s.mutable_edge_pruning()->mutable_circuit()->set_label("a\u202Eb"); }},
        BadCase{"spec.edge_pruning.threshold", "nan, must be 0-10", EdgePruning(),
                [](auto& s) { s.mutable_edge_pruning()->set_threshold(NAN); }},
        BadCase{"spec.edge_pruning.threshold", "10.5, must be 0-10", EdgePruning(),
                [](auto& s) { s.mutable_edge_pruning()->set_threshold(10.5); }},
        BadCase{"spec.edge_pruning.means", "77", EdgePruning(),
                [](auto& s) { s.mutable_edge_pruning()->set_means(Unknown<v1::MlpMeans>()); }},
        BadCase{"spec.edge_pruning.freeze", "77", EdgePruning(),
                [](auto& s) { s.mutable_edge_pruning()->set_freeze(Unknown<v1::PathFreeze>()); }}));

INSTANTIATE_TEST_SUITE_P(Acdc, JobKindsBadTest,
                         testing::Values(BadCase{"spec.acdc.threshold", "nan, must be finite", Acdc(),
                                                 [](auto& s) { s.mutable_acdc()->set_threshold(NAN); }},
                                         BadCase{"spec.acdc.threshold", "inf, must be finite", Acdc(),
                                                 [](auto& s) { s.mutable_acdc()->set_threshold(kInfinity); }},
                                         BadCase{"spec.acdc.metric", "77", Acdc(),
                                                 [](auto& s) { s.mutable_acdc()->set_metric(Unknown<v1::Metric>()); }},
                                         BadCase{"spec.acdc.ablation", "77", Acdc(), [](auto& s) {
                                                   s.mutable_acdc()->set_ablation(Unknown<v1::Ablation>());
                                                 }}));

v1::EdgeAttributionSpec& Of(v1::JobSpec& spec) { return *spec.mutable_edge_attribution(); }

INSTANTIATE_TEST_SUITE_P(
    EdgeAttribution, JobKindsBadTest,
    testing::Values(BadCase{"spec.edge_attribution.steps", "0, must be 1-1000", Attribution(),
                            [](auto& s) { Of(s).set_steps(0); }},
                    BadCase{"spec.edge_attribution.steps", "4294967295, must be 1-1000", Attribution(),
                            [](auto& s) { Of(s).set_steps(4'294'967'295); }},
                    BadCase{"spec.edge_attribution.method", "77", Attribution(),
                            [](auto& s) { Of(s).set_method(Unknown<v1::AttributionMethod>()); }},
                    BadCase{"spec.edge_attribution.metric", "77", Attribution(),
                            [](auto& s) { Of(s).set_metric(Unknown<v1::Metric>()); }},
                    BadCase{"spec.edge_attribution.metric",
                            "rank, which has no gradient, must be logit_diff, prob_diff, kl_div or nll", Attribution(),
                            [](auto& s) { Of(s).set_metric(v1::METRIC_RANK); }},
                    BadCase{"spec.edge_attribution.ablation", "zero, must be resample", Attribution(),
                            [](auto& s) {
                              Of(s).set_method(v1::ATTRIBUTION_METHOD_EAP_IG_INPUTS);
                              Of(s).set_ablation(v1::ABLATION_ZERO);
                            }},
                    BadCase{"spec.edge_attribution.selection.rule", "must be set", Attribution(),
                            [](auto& s) { Of(s).clear_selection(); }},
                    BadCase{"spec.edge_attribution.selection.top_k", "0, must be at least 1", Attribution(),
                            [](auto& s) { Of(s).mutable_selection()->set_top_k(0); }},
                    BadCase{"spec.edge_attribution.selection.greedy", "0, must be at least 1", Attribution(),
                            [](auto& s) { Of(s).mutable_selection()->set_greedy(0); }},
                    BadCase{"spec.edge_attribution.selection.threshold", "nan, must be finite", Attribution(),
                            [](auto& s) { Of(s).mutable_selection()->set_threshold(NAN); }}));

v1::EvaluationSpec& Eval(v1::JobSpec& spec) { return *spec.mutable_evaluation(); }

INSTANTIATE_TEST_SUITE_P(
    Evaluation, JobKindsBadTest,
    testing::Values(
        BadCase{"spec.evaluation.circuits", "0, must be 1-16", Evaluation(), [](auto& s) { Eval(s).clear_circuits(); }},
        BadCase{"spec.evaluation.circuits", "17, must be 1-16", Evaluation(),
                [](auto& s) {
                  for (int i = 0; i < 16; ++i) *Eval(s).add_circuits() = Eval(s).circuits(0);
                }},
        BadCase{"spec.evaluation.tasks", "0, must be 1-16", Evaluation(), [](auto& s) { Eval(s).clear_tasks(); }},
        BadCase{"spec.evaluation.circuits[1].source", "must be set", Evaluation(),
                [](auto& s) { Eval(s).add_circuits(); }},
        BadCase{"spec.evaluation.tasks[1].prompts.source", "must be set", Evaluation(),
                [](auto& s) { Eval(s).add_tasks(); }},
        BadCase{"spec.evaluation.tasks[0].label", "64 bytes, must be at most 63", Evaluation(),
                [](auto& s) { Eval(s).mutable_tasks(0)->set_label(std::string(64, 'x')); }},
        BadCase{"spec.evaluation.tasks[1].prompts.inline", "bytes, must be at most 262144", Evaluation(),
                [](auto& s) {
                  for (int i = 0; i < 2; ++i) {
                    v1::PromptSource prompts;
                    prompts.mutable_inline_()->add_clean()->set_text(std::string(150'000, 'x'));
                    v1::EvaluationTask& task = i == 0 ? *Eval(s).mutable_tasks(0) : *Eval(s).add_tasks();
                    *task.mutable_prompts() = prompts;
                  }
                }},
        BadCase{"spec.evaluation.random_circuits", "10001, must be 0-10000", Evaluation(),
                [](auto& s) { Eval(s).set_random_circuits(10'001); }},
        BadCase{"spec.evaluation.knockout_subsets", "4294967295, must be 0-10000", Evaluation(),
                [](auto& s) { Eval(s).set_knockout_subsets(4'294'967'295); }},
        BadCase{"spec.evaluation.run", "77", Evaluation(), [](auto& s) { Eval(s).set_run(Unknown<v1::CircuitRun>()); }},
        BadCase{"spec.evaluation.ablation", "77", Evaluation(),
                [](auto& s) { Eval(s).set_ablation(Unknown<v1::Ablation>()); }},
        BadCase{"spec.evaluation.metric", "77", Evaluation(),
                [](auto& s) { Eval(s).set_metric(Unknown<v1::Metric>()); }},
        BadCase{"spec.evaluation.means", "77", Evaluation(),
                [](auto& s) { Eval(s).set_means(Unknown<v1::MlpMeans>()); }}));

}  // namespace
}  // namespace circuitd
