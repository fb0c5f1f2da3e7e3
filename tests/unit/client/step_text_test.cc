#include "client/cli/step_text.h"

#include "client/cli/job_kind.h"
#include "client/cli/node_text.h"
#include "client/cli/progress.h"
#include "client/cli/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::HasSubstr;

v1::Node NodeOf(const std::string& name) { return ParseNode(name).value_or(v1::Node()); }

void SetProgress(uint64_t done, uint64_t left, v1::JobProgress& progress) {
  progress.set_steps_done(done);
  progress.set_steps_left(left);
  progress.mutable_elapsed()->set_seconds(static_cast<int64_t>(done));
  progress.mutable_remaining_estimate()->set_seconds(12);
}

v1::JobEvent EdgeEvent(uint64_t made, uint64_t left) {
  v1::JobEvent event;
  v1::EdgeDecision& decision = *event.mutable_decision()->mutable_edge_decision();
  decision.set_index(made - 1);
  *decision.mutable_edge()->mutable_sender() = NodeOf("A5.1");
  *decision.mutable_edge()->mutable_receiver() = NodeOf("A7.11.q");
  decision.set_criterion(0.73124);
  decision.set_metric(2);
  decision.set_edges_kept(1200);
  SetProgress(made, left, *event.mutable_decision()->mutable_progress());
  return event;
}

v1::JobEvent EvaluationEvent(uint32_t circuit, uint32_t task, const std::string& run) {
  v1::JobEvent event;
  v1::EvaluationStep& step = *event.mutable_step()->mutable_evaluation();
  step.set_index(6);
  step.set_circuit(circuit);
  step.set_task(task);
  step.set_run(run);
  step.set_metric(2.5);
  SetProgress(7, 13, *event.mutable_step()->mutable_progress());
  return event;
}

v1::JobSpec EvaluationOf() {
  v1::JobSpec spec;
  spec.mutable_evaluation()->add_circuits()->set_label("numerals");
  spec.mutable_evaluation()->add_circuits()->set_job("jobs/7");
  spec.mutable_evaluation()->add_circuits();
  spec.mutable_evaluation()->add_tasks()->mutable_prompts()->mutable_task()->set_task("months");
  spec.mutable_evaluation()->add_tasks();
  return spec;
}

TEST(StepTextTest, SaysWhatBecameOfAnEdge) {
  v1::JobEvent event = EdgeEvent(1, 2);
  EXPECT_EQ(StepText(event, {}), "A5.1->A7.11.q 0.7312 stays");
  EXPECT_EQ(KeptText(event), "1,200 edges");
  event.mutable_decision()->mutable_edge_decision()->set_removed(true);
  EXPECT_EQ(StepText(event, {}), "A5.1->A7.11.q 0.7312 leaves");
}

TEST(StepTextTest, SaysHowFarAnAttributionIs) {
  v1::JobEvent event;
  event.mutable_step()->mutable_attribution()->set_pairs_done(1064);
  EXPECT_EQ(StepText(event, {}), "1,064 pairs");
  EXPECT_EQ(KeptText(event), "");
  *event.mutable_step()->mutable_attribution()->mutable_receiver() = NodeOf("A3.1.q");
  EXPECT_EQ(StepText(event, {}), "receiver A3.1.q");
}

TEST(StepTextTest, NamesCircuitAndTaskOfARunAsTheyWereAskedFor) {
  const v1::JobSpec spec = EvaluationOf();
  EXPECT_EQ(StepText(EvaluationEvent(0, 0, "random 7"), spec), "numerals on months: random 7, 2.5000");
  EXPECT_EQ(StepText(EvaluationEvent(1, 1, "model"), spec), "jobs/7 on task 2: model, 2.5000");
  EXPECT_EQ(StepText(EvaluationEvent(2, 0, "model"), spec), "circuit 3 on months: model, 2.5000");
}

TEST(StepTextTest, SurvivesAServersWordsThatMakeNoSense) {
  EXPECT_EQ(StepText(EvaluationEvent(4'000'000'000, 7, "\x1b[2J"), EvaluationOf()),
            "circuit 4000000001 on task 8: \\x1b[2J, 2.5000");
  v1::JobEvent event;
  event.mutable_step();
  EXPECT_EQ(StepText(event, {}), "");
  event.set_state(v1::JOB_STATE_RUNNING);
  EXPECT_EQ(StepText(event, {}), "");
}

TEST(JobProgressViewTest, ShowsEdgesWithoutIterations) {
  JobProgressView view;
  view.Update(EdgeEvent(1, 35));
  view.Update(EdgeEvent(12, 24));
  EXPECT_EQ(view.RenderBar(120),
            "[#########-------------------] 12/36  ETA 0:12  A5.1->A7.11.q 0.7312 stays  kept 1,200 edges  1.0/s");
}

TEST(JobProgressViewTest, ShowsRunsOfAnEvaluation) {
  v1::Job job;
  job.set_state(v1::JOB_STATE_RUNNING);
  *job.mutable_spec() = EvaluationOf();
  JobProgressView view;
  view.Update(job);
  view.Update(EvaluationEvent(0, 0, "random 7"));
  EXPECT_EQ(view.last_step(), "numerals on months: random 7, 2.5000");
  EXPECT_THAT(view.RenderBar(120), HasSubstr(" 7/20  ETA 0:12  numerals on months: random 7, 2.5000"));
  for (size_t width = 0; width < 130; ++width) EXPECT_LE(DisplayWidth(view.RenderBar(width)), width);
}

TEST(JobProgressViewTest, CountsStepsOfAJobThatWaitsAgain) {
  v1::Job job;
  job.set_state(v1::JOB_STATE_QUEUED);
  job.mutable_start_time()->set_seconds(1);
  job.mutable_spec()->mutable_edge_attribution();
  job.mutable_progress()->set_steps_done(3);
  JobProgressView view;
  view.Update(job);
  EXPECT_EQ(view.RenderBar(80), "queued again, next; 3 steps so far");
}

TEST(JobKindTest, KnowsTheCommandModelAndTaskOfEveryKind) {
  const auto expect = [](const v1::JobSpec& spec, const std::string& kind, const std::string& task) {
    EXPECT_EQ(KindName(spec), kind);
    EXPECT_EQ(ModelOf(spec), "m");
    EXPECT_EQ(TaskOf(spec), task);
  };
  const auto set = [](auto* kind) {
    kind->set_model("m");
    kind->mutable_prompts()->mutable_task()->set_task("ioi");
  };
  v1::JobSpec spec;
  EXPECT_EQ(KindName(spec) + ModelOf(spec) + TaskOf(spec), "");
  set(spec.mutable_node_pruning());
  expect(spec, "prune", "ioi");
  set(spec.mutable_edge_pruning());
  expect(spec, "edges", "ioi");
  set(spec.mutable_acdc());
  expect(spec, "acdc", "ioi");
  EXPECT_EQ(StepNoun(spec), "decision");
  set(spec.mutable_edge_attribution());
  expect(spec, "eap", "ioi");
  EXPECT_EQ(StepNoun(spec), "step");
  spec.mutable_evaluation()->set_model("m");
  expect(spec, "eval", "eval");
}

}  // namespace
}  // namespace circuitd::client
