// Jobs of circuits of edges beside the algorithms themselves.
#include <gmock/gmock.h>

#include <sstream>

#include "nlohmann/json.hpp"
#include "server/circuit/edges/acdc.h"
#include "server/circuit/attribution/edge_attribution.h"
#include "server/circuit/edges/edge_pruning.h"
#include "server/circuit/evaluation/evaluation.h"
#include "server/graph/circuit_document.h"
#include "tests/unit/service/circuit_job_rpc_util.h"

namespace circuitd {
namespace {

using testing::HasSubstr;

// NanoSource.
PromptPairs NanoPairs() { return {{{2, 1, 0, 1}, {2, 2, 0, 1}, {0}, {1}, {}}, {{0, 0, 1}, {1, 0, 1}, {0}, {1}, {}}}; }

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
