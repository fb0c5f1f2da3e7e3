// Jobs that find and judge circuits, from the submit to what they leave; all kinds alike.
#include <gmock/gmock.h>

#include "nlohmann/json.hpp"
#include "server/circuit/edges/acdc.h"
#include "server/circuit/edges/edge_attribution.h"
#include "server/circuit/edges/edge_pruning.h"
#include "server/circuit/evaluation/evaluation.h"
#include "server/graph/circuit_document.h"
#include "server/graph/edge_order.h"
#include "tests/unit/service/circuit_job_rpc_util.h"

namespace circuitd {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsSupersetOf;

// NanoSource.
PromptPairs NanoPairs() { return {{{2, 1, 0, 1}, {2, 2, 0, 1}, {0}, {1}, {}}, {{0, 0, 1}, {1, 0, 1}, {0}, {1}, {}}}; }

std::vector<std::string> NamesOf(const v1::Job& job) {
  std::vector<std::string> names;
  for (const v1::Artifact& artifact : job.artifacts()) names.push_back(artifact.name());
  return names;
}

struct Kind {
  const char* name;
  v1::JobSpec spec;
};

// For gtest's messages.
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

class EveryKindRpcTest : public CircuitJobRpcTest, public testing::WithParamInterface<Kind> {
 protected:
  // Of all events: sequence numbers without gaps, what happened each once; how much that was.
  uint64_t ExpectWholeLog(const v1::Job& job) {
    uint64_t next = 1, happened = 0;
    for (const v1::WatchJobResponse& message : Watch(job.name())) {
      if (!message.has_event()) continue;
      const v1::JobEvent& event = message.event();
      EXPECT_EQ(event.sequence(), next++);
      EXPECT_EQ(event.decision().edge_decision().index(), event.has_decision() ? happened : 0);
      EXPECT_EQ(event.step().evaluation().index(), event.step().has_evaluation() ? happened : 0);
      EXPECT_EQ(event.step().attribution().sums(), "");
      happened += event.has_decision() || event.has_step();
    }
    EXPECT_EQ(next, job.last_sequence() + 1);
    EXPECT_GT(happened, 0u);
    return happened;
  }
  static void ExpectSameResult(const v1::Job& a, const v1::Job& b) {
    EXPECT_EQ(a.edge_circuit().edge_count(), b.edge_circuit().edge_count());
    EXPECT_EQ(a.edge_circuit().decision_count(), b.edge_circuit().decision_count());
    EXPECT_NEAR(a.edge_circuit().circuit_metric(), b.edge_circuit().circuit_metric(), 1e-5);
    ASSERT_EQ(a.evaluation().cells_size(), b.evaluation().cells_size());
    EXPECT_EQ(a.evaluation().run_count(), b.evaluation().run_count());
    for (int i = 0; i < a.evaluation().cells_size(); ++i) {
      EXPECT_NEAR(a.evaluation().cells(i).circuit_metric(), b.evaluation().cells(i).circuit_metric(), 1e-5);
      EXPECT_NEAR(a.evaluation().cells(i).random().mean(), b.evaluation().cells(i).random().mean(), 1e-5);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(All, EveryKindRpcTest,
                         testing::Values(Kind{"edge_pruning", NanoEdgePruning()}, Kind{"acdc", NanoAcdc()},
                                         Kind{"edge_attribution", NanoAttribution()},
                                         Kind{"evaluation", NanoEvaluation()}),
                         [](const auto& param) { return param.param.name; });

TEST_P(EveryKindRpcTest, RunsToItsResultAndIsWatched) {
  const v1::Job job = Finished(SubmitSpec(GetParam().spec));
  const uint64_t happened = ExpectWholeLog(job);
  EXPECT_EQ(job.progress().steps_left(), 0u);
  if (GetParam().spec.has_evaluation()) {
    EXPECT_EQ(job.evaluation().cells_size(), 1);
    EXPECT_EQ(job.evaluation().run_count(), happened);
    EXPECT_THAT(NamesOf(job), testing::ElementsAre("evaluation.json"));
    return;
  }
  EXPECT_THAT(NamesOf(job),
              IsSupersetOf({"circuit.json", "circuit.dot", "circuit.svg", "circuit.graphml", "seqcont.json"}));
  const auto model = LoadDirectly("nano");
  const auto document = ParseCircuit(Download(job, "circuit.json"), &model->config());
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(document->circuit.edges->size(), static_cast<int64_t>(job.edge_circuit().edge_count()));
  EXPECT_EQ(document->circuit.nodes.size(), job.edge_circuit().node_count());
  EXPECT_THAT(document->parameters_json, HasSubstr("\"method\""));
}

TEST_P(EveryKindRpcTest, GoesOnAfterARestartToTheSameResult) {
  const v1::JobSpec spec = OnSeqcont(GetParam().spec);
  const v1::Job whole = Finished(SubmitSpec(spec, /*no_cache=*/true));
  const v1::Job job = SubmitSpec(spec, /*no_cache=*/true);
  WaitForStep(job.name());
  Start(TestOptions());
  const v1::Job resumed = Finished(job);
  ExpectSameResult(resumed, whole);
  EXPECT_EQ(ExpectWholeLog(resumed), ExpectWholeLog(whole));
  EXPECT_GT(resumed.last_sequence(), whole.last_sequence());  // it was queued and begun twice
  EXPECT_EQ(resumed.micro_batch_prompts(), whole.micro_batch_prompts());
  EXPECT_GT(resumed.micro_batch_prompts(), 0u);
}

TEST_P(EveryKindRpcTest, StopsWhenItIsCancelled) {
  const v1::Job job = SubmitSpec(OnSeqcont(GetParam().spec));
  WaitForStep(job.name());
  Cancel(job.name());
  const v1::Job ended = Watch(job.name()).back().job();
  EXPECT_EQ(ended.state(), v1::JOB_STATE_CANCELLED);
  EXPECT_EQ(ended.result_case(), v1::Job::RESULT_NOT_SET);
}

TEST_P(EveryKindRpcTest, EqualJobHasItsResultAtOnce) {
  const v1::Job computed = Finished(SubmitSpec(GetParam().spec));
  v1::JobSpec spec = GetParam().spec;
  spec.set_priority(7);
  const v1::Job cached = Finished(SubmitSpec(spec));
  EXPECT_EQ(cached.cached_from(), computed.name());
  ExpectSameResult(cached, computed);
  EXPECT_EQ(ExpectWholeLog(cached), ExpectWholeLog(computed));
  EXPECT_EQ(NamesOf(cached), NamesOf(computed));
}

TEST_P(EveryKindRpcTest, ValidateOnlyTellsTheCost) {
  grpc::ClientContext context;
  v1::SubmitJobRequest request;
  *request.mutable_spec() = GetParam().spec;
  request.set_validate_only(true);
  v1::SubmitJobResponse response;
  const grpc::Status status = Stub<v1::JobService>()->SubmitJob(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_FALSE(response.has_job());
  EXPECT_GT(response.estimate().candidates_per_iteration(), 0u);
  EXPECT_EQ(response.estimate().prompt_count(), 2u);
  EXPECT_GT(response.estimate().memory_bytes(), 0u);
  EXPECT_GT(response.estimate().seconds_per_iteration(), 0);
}

TEST_F(CircuitJobRpcTest, AcdcIsWhatTheAlgorithmFinds) {
  const auto model = LoadDirectly("nano");
  AcdcOptions options;
  options.threshold = NanoAcdc().acdc().threshold();
  options.runs.metric = Metric::kLogitDiff;
  std::vector<EdgeDecision> decisions;
  const auto direct =
      RunAcdc(*model, NanoPairs(), options, {{}, [&](const EdgeDecision& made) { decisions.push_back(made); }});
  ASSERT_TRUE(direct.ok()) << direct.status();
  const v1::Job job = Finished(SubmitSpec(NanoAcdc()));
  EXPECT_EQ(job.edge_circuit().metric(), v1::METRIC_LOGIT_DIFF);
  EXPECT_NEAR(job.edge_circuit().circuit_metric(), direct->circuit_metric, 1e-5);
  EXPECT_NEAR(job.edge_circuit().empty_metric(), direct->empty_metric, 1e-5);
  const auto document = ParseCircuit(Download(job, "circuit.json"), &model->config());
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(*document->circuit.edges, direct->edges);
  EXPECT_GT(direct->edges.size(), 0);
  EXPECT_THAT(document->parameters_json, HasSubstr("from logits to embed"));

  // The decisions' order and ends are all that replaying them takes.
  std::istringstream lines(Download(job, "decisions.jsonl"));
  const std::vector<Edge> order = AcdcOrder(model->config());
  size_t i = 0;
  for (std::string line; std::getline(lines, line); ++i) {
    const nlohmann::json json = nlohmann::json::parse(line);
    ASSERT_LT(i, order.size());
    EXPECT_EQ(json["index"], i);
    EXPECT_EQ(json["sender"], NodeName(order[i].sender));
    EXPECT_EQ(json["receiver"], NodeName(order[i].receiver));
    EXPECT_EQ(json["removed"], decisions[i].removed);
    EXPECT_EQ(json["edges_kept"], decisions[i].edges_kept);
    EXPECT_NEAR(json["criterion"], decisions[i].criterion, 1e-5);
  }
  EXPECT_EQ(i, order.size());
}

TEST_F(CircuitJobRpcTest, AttributionLeavesAllScoresAndTheSelectedEdges) {
  const auto model = LoadDirectly("nano");
  for (const v1::AttributionMethod method :
       {v1::ATTRIBUTION_METHOD_EAP, v1::ATTRIBUTION_METHOD_EAP_IG_INPUTS, v1::ATTRIBUTION_METHOD_EAP_IG_ACTIVATIONS,
        v1::ATTRIBUTION_METHOD_EXACT, v1::ATTRIBUTION_METHOD_RANDOM}) {
    AttributionOptions options;
    options.method = static_cast<AttributionMethod>(method - 1);
    const auto direct = AttributeEdges(*model, NanoPairs(), options, {});
    ASSERT_TRUE(direct.ok()) << direct.status();
    const v1::Job job = Finished(SubmitSpec(NanoAttribution(method)));
    EXPECT_THAT(NamesOf(job), Contains("eap.json"));
    for (const char* file : {"circuit.json", "eap.json"}) {
      const auto document = ParseCircuit(Download(job, file), &model->config());
      ASSERT_TRUE(document.ok()) << file << document.status();
      ASSERT_TRUE(document->scores) << file;
      for (size_t i = 0; i < direct->values().size(); ++i) {
        ASSERT_NEAR(document->scores->values()[i], direct->values()[i], 1e-5) << file << method;
      }
    }
    EXPECT_LE(job.edge_circuit().edge_count(), 60u);
    EXPECT_GT(job.edge_circuit().edge_count(), 0u);
  }
}

TEST_F(CircuitJobRpcTest, DanglingEdgesStayOnRequest) {
  v1::JobSpec spec = NanoAttribution(v1::ATTRIBUTION_METHOD_RANDOM);
  const v1::Job without = Finished(SubmitSpec(spec));
  spec.mutable_edge_attribution()->mutable_selection()->set_keep_dangling(true);
  const v1::Job with = Finished(SubmitSpec(spec));
  EXPECT_EQ(with.edge_circuit().edge_count(), 60u);
  EXPECT_LT(without.edge_circuit().edge_count(), 60u);
  EXPECT_NEAR(with.edge_circuit().circuit_metric(), without.edge_circuit().circuit_metric(), 1e-5);
}

TEST_F(CircuitJobRpcTest, EdgePruningIsWhatTheAlgorithmFinds) {
  const auto model = LoadDirectly("nano");
  EdgePruningOptions options;
  options.nodes = AllNodes(model->config());
  const auto direct = PruneEdges(*model, NanoPairs(), options, {});
  ASSERT_TRUE(direct.ok()) << direct.status();
  const v1::Job job = Finished(SubmitSpec(NanoEdgePruning()));
  EXPECT_EQ(job.edge_circuit().decision_count(), static_cast<uint64_t>(direct->decision_count));
  EXPECT_NEAR(job.edge_circuit().circuit_metric(), direct->circuit_metric, 1e-5);
  const auto document = ParseCircuit(Download(job, "circuit.json"), &model->config());
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(*document->circuit.edges, direct->edges);
  EXPECT_EQ(document->circuit.nodes, direct->nodes);
}

TEST_F(CircuitJobRpcTest, EvaluationIsWhatTheAlgorithmSays) {
  const auto model = LoadDirectly("nano");
  const v1::Job found = Finished(SubmitSpec(NanoAttribution()));
  v1::JobSpec spec = NanoEvaluation();
  v1::EvaluationSpec& evaluation = *spec.mutable_evaluation();
  evaluation.add_circuits()->set_job(found.name());
  evaluation.set_ablation(v1::ABLATION_RESAMPLE);
  evaluation.set_knockout_subsets(4);
  evaluation.set_curve(true);
  evaluation.set_seed(11);

  EvaluationRequest request;
  NodeSet nodes = AllNodes(model->config());
  nodes.erase(Node::Mlp(0));
  nodes.erase(Node::Head(1, 0));
  request.circuits.push_back({"", {nodes, std::nullopt}, std::nullopt});
  const auto document = ParseCircuit(Download(found, "circuit.json"), &model->config());
  ASSERT_TRUE(document.ok());
  request.circuits.push_back({"", document->circuit, document->scores});
  request.tasks.push_back({"", NanoPairs()});
  request.options.ablation = EdgeAblation::kResample;
  request.options.random_circuits = 3;
  request.options.drop_one = true;
  request.options.knockout_subsets = 4;
  request.options.curve = true;
  request.options.seed = 11;
  const auto direct = Evaluate(*model, request, {});
  ASSERT_TRUE(direct.ok()) << direct.status();

  const v1::Job job = Finished(SubmitSpec(spec));
  EXPECT_EQ(job.evaluation().metric(), v1::METRIC_LOGIT_DIFF);
  ASSERT_EQ(job.evaluation().cells_size(), 2);
  for (int i = 0; i < 2; ++i) {
    const v1::CircuitOnTask& cell = job.evaluation().cells(i);
    const CircuitOnTask& expected = direct->cells[i];
    EXPECT_EQ(cell.circuit(), static_cast<uint32_t>(i));
    EXPECT_NEAR(cell.circuit_metric(), expected.circuit_metric, 1e-5);
    EXPECT_NEAR(cell.model_metric(), expected.model_metric, 1e-5);
    EXPECT_NEAR(cell.empty_metric(), expected.empty_metric, 1e-5);
    EXPECT_NEAR(cell.random().mean(), expected.random->mean, 1e-5);
    EXPECT_NEAR(cell.random().standard_deviation(), expected.random->standard_deviation, 1e-5);
    ASSERT_EQ(cell.drops_size(), static_cast<int>(expected.drops.size()));
    EXPECT_GT(cell.drops_size(), 0);
    for (int d = 0; d < cell.drops_size(); ++d) EXPECT_NEAR(cell.drops(d).drop(), expected.drops[d].drop, 1e-5);
    ASSERT_EQ(cell.knockouts_size(), 4);
    EXPECT_NEAR(cell.incompleteness(), expected.incompleteness, 1e-5);
    ASSERT_EQ(cell.curve_size(), static_cast<int>(expected.curve.size()));
    EXPECT_NEAR(cell.cpr(), expected.cpr, 1e-4);
    EXPECT_NEAR(cell.cmd(), expected.cmd, 1e-4);
  }
  EXPECT_EQ(job.evaluation().cells(0).curve_size(), 0);  // it has no scores
  EXPECT_EQ(job.evaluation().cells(1).curve_size(), 10);
  const nlohmann::json json = nlohmann::json::parse(Download(job, "evaluation.json"));
  EXPECT_EQ(json["schema"], "circuitd.evaluation/1");
}

}  // namespace
}  // namespace circuitd
