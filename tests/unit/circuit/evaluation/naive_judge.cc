#include "tests/unit/circuit/evaluation/naive_judge.h"

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <memory>
#include <vector>

#include "server/circuit/evaluation/circuit_parts.h"
#include "server/circuit/evaluation/evaluation_statistics.h"
#include "server/circuit/evaluation/random_circuits.h"
#include "server/circuit/node_ablation.h"
#include "server/circuit/plain_node_scorer.h"
#include "server/graph/edge_order.h"
#include "server/graph/edge_selection.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "tests/unit/circuit/edges/naive_edges.h"

namespace circuitd {
namespace {

using Outputs = std::map<std::pair<HookKind, int>, at::Tensor>;  // z and mlp_out by layer

// Keeps z and mlp_out, and replaces those of nodes outside of a circuit.
class OutputHooks : public Hooks {
 public:
  bool Wants(HookPoint point) const override { return point.kind == HookKind::kZ || point.kind == HookKind::kMlpOut; }

  void Visit(HookPoint point, at::Tensor& value) override {
    outputs[{point.kind, point.layer}] = value.clone();
    if (circuit == nullptr) return;
    const at::Tensor other = others ? others->at({point.kind, point.layer}) : at::zeros_like(value);
    if (point.kind == HookKind::kMlpOut) {
      if (!circuit->contains(Node::Mlp(point.layer))) value = other;
      return;
    }
    value = value.clone();  // [batch, pos, n_heads, d_head]
    for (int head = 0; head < value.size(2); ++head) {
      if (!circuit->contains(Node::Head(point.layer, head))) value.select(2, head).copy_(other.select(2, head));
    }
  }

  Outputs outputs;
  const NodeSet* circuit = nullptr;
  const Outputs* others = nullptr;  // null: zeros
};

at::Tensor Logits(const Gpt2& network, const std::vector<int>& prompt, Hooks* hooks) {
  const PaddedPrompts padded = Pad({prompt}, at::kCPU);
  return LastLogits(network, network.Run(padded.tokens, hooks), padded);
}

// With nodes resampled from the corrupted run, or set to zero.
double ReplacedNodes(const Gpt2& network, const PromptPairs& pairs, const EvaluationOptions& options,
                     const NodeSet& circuit) {
  const c10::InferenceMode guard;
  double sum = 0;
  for (const PromptPair& pair : pairs) {
    OutputHooks corrupted, run;
    Logits(network, pair.corrupted, &corrupted);
    run.circuit = &circuit;
    if (options.ablation == EdgeAblation::kResample) run.others = &corrupted.outputs;
    const at::Tensor logits = Logits(network, pair.clean, &run);
    const std::vector<Answer> answers = {{pair.correct, pair.incorrect}};
    sum += MetricPerPrompt(options.metric, logits, Logits(network, pair.clean, nullptr), answers)[0];
  }
  return sum / static_cast<double>(pairs.size());
}

// With nodes at their means in the unablated model, for any metric.
double MeanNodes(const Gpt2& network, const PromptPairs& pairs, const EvaluationOptions& options,
                 const NodeSet& circuit) {
  const c10::InferenceMode guard;
  std::vector<std::vector<int>> corrupted;
  for (const PromptPair& pair : pairs) corrupted.push_back(pair.corrupted);
  const std::vector<bool> all(network.config().n_layers, true);
  const auto means = CaptureMeans(network, corrupted, MicroBatchesOf(pairs.size(), 1), {all, all}, nullptr, nullptr);
  NodeAblation ablation(network, circuit, /*ablate_mlps=*/true, means->z, means->mlp_out);
  double sum = 0;
  for (const PromptPair& pair : pairs) {
    const std::vector<Answer> answers = {{pair.correct, pair.incorrect}};
    sum += MetricPerPrompt(options.metric, Logits(network, pair.clean, &ablation), Logits(network, pair.clean, nullptr),
                           answers)[0];
  }
  return sum / static_cast<double>(pairs.size());
}

double SeqcontNodes(const Gpt2& network, const PromptPairs& pairs, const NodeSet& circuit) {
  const Checkpoint checkpoint;
  NodePruningOptions options;
  options.means = MlpMeans::kSeqcont;
  const auto scorer = PlainNodeScorer::Create(network, pairs, options, checkpoint);
  EXPECT_TRUE(scorer.ok()) << scorer.status();
  return *(*scorer)->Score(circuit) * (*scorer)->full_logit_diff() / 100;
}

EdgeSet Others(const EdgeSet& edges) {
  EdgeSet others(edges.config());
  for (const Edge& edge : EdgeSet::All(edges.config()).Edges()) others.Set(edge, !edges.Contains(edge));
  return others;
}

void ExpectNear(double value, double expected, const std::string& what) {
  EXPECT_NEAR(value, expected, 2e-5 * (1 + std::abs(expected))) << what;
}

// One cell, with `m` the metric of a circuit on its task.
void ExpectCell(const ModelConfig& config, const EvaluationRequest& request, const CircuitOnTask& cell,
                const std::function<double(const Circuit&)>& m) {
  const EvaluationOptions& options = request.options;
  const JudgedCircuit& judged = request.circuits[cell.circuit];
  const Circuit& circuit = judged.circuit;
  const double of_model = m(WholeModel(config, circuit)), of_empty = m(EmptyCircuit(config, circuit));
  const double of_circuit = m(circuit);
  ExpectNear(cell.model_metric, of_model, "model");
  ExpectNear(cell.empty_metric, of_empty, "empty");
  ExpectNear(cell.circuit_metric, of_circuit, "circuit");
  ASSERT_GT(std::abs(of_model - of_empty), 0.01);
  EXPECT_NEAR(cell.faithfulness.value(), (of_circuit - of_empty) / (of_model - of_empty), 1e-3);

  double sum = 0;
  for (int i = 0; i < options.random_circuits; ++i) {
    sum += m(RandomCircuit(config, circuit, {options.seed, cell.circuit, i}));
  }
  if (options.random_circuits > 0) ExpectNear(cell.random.value().mean, sum / options.random_circuits, "random");

  const std::vector<CircuitPart> parts = options.drop_one ? PartsOf(circuit) : std::vector<CircuitPart>();
  ASSERT_EQ(cell.drops.size(), parts.size());
  int matter = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    matter += std::abs(cell.drops[i].drop) > 1e-3;
    EXPECT_EQ(PartName(cell.drops[i].part), PartName(parts[i]));
    const double lost =
        LossOf(options.metric, m(WithoutParts(circuit, {parts[i]}))) - LossOf(options.metric, of_circuit);
    EXPECT_NEAR(cell.drops[i].drop, lost, 1e-4) << PartName(parts[i]);
  }
  EXPECT_GE(3 * matter, static_cast<int>(parts.size()));

  ASSERT_EQ(static_cast<int>(cell.knockouts.size()), options.knockout_subsets);
  for (int i = 0; i < options.knockout_subsets; ++i) {
    const auto subset = RandomSubset(KnockoutPartsOf(circuit), {options.seed, cell.circuit, i});
    ExpectNear(cell.knockouts[i].circuit_metric, m(WithoutParts(circuit, subset)), "subset of the circuit");
    ExpectNear(cell.knockouts[i].model_metric, m(WithoutParts(WholeModel(config, circuit), subset)), "of the model");
  }

  ASSERT_EQ(cell.curve.empty(), !(options.curve && judged.scores && circuit.edges));
  for (const CurvePoint& point : cell.curve) {
    EdgeSelection selection = options.curve_selection;
    selection.count = static_cast<int64_t>(point.fraction * static_cast<double>(EdgeCount(config)));
    // With the edges that can't matter: the metric is the same.
    const EdgeSet edges = SelectEdges(*judged.scores, selection);
    EXPECT_LE(point.edge_count, edges.size());
    ExpectNear(point.metric, m({edges.Nodes(), edges}), "curve");
    EXPECT_NEAR(point.faithfulness, (point.metric - of_empty) / (of_model - of_empty), 1e-3);
  }
}

}  // namespace

NaiveMetric NaiveMetricOf(const Model& model, const EvaluationRequest& request) {
  const EvaluationOptions options = request.options;
  EdgeScorerOptions edge_options;
  edge_options.metric = options.metric;
  edge_options.ablation = options.ablation;
  edge_options.swap_prompts = options.run == CircuitRun::kPatchIntoCorrupted;
  std::vector<std::shared_ptr<EdgeScorer>> edges;
  for (const JudgedTask& task : request.tasks) {
    edges.push_back(std::make_shared<testing::NaiveEdges>(model, task.pairs, edge_options));
  }
  return [&model, &request, options, edges](int task, const Circuit& circuit) {
    const PromptPairs& pairs = request.tasks[task].pairs;
    if (circuit.edges) {
      const bool patched = options.run == CircuitRun::kPatchIntoCorrupted;
      return *edges[task]->Score(patched ? Others(*circuit.edges) : *circuit.edges);
    }
    if (options.ablation != EdgeAblation::kMean) return ReplacedNodes(model.network(), pairs, options, circuit.nodes);
    if (options.means == MlpMeans::kSeqcont) return SeqcontNodes(model.network(), pairs, circuit.nodes);
    return MeanNodes(model.network(), pairs, options, circuit.nodes);
  };
}

void ExpectJudged(const ModelConfig& config, const EvaluationRequest& request, const EvaluationResult& result,
                  const NaiveMetric& metric) {
  const size_t tasks = request.tasks.size();
  ASSERT_EQ(result.cells.size(), request.circuits.size() * tasks);
  for (size_t i = 0; i < result.cells.size(); ++i) {
    SCOPED_TRACE(i);
    const CircuitOnTask& cell = result.cells[i];
    ASSERT_EQ(cell.circuit, static_cast<int>(i / tasks));
    ASSERT_EQ(cell.task, static_cast<int>(i % tasks));
    ExpectCell(config, request, cell, [&](const Circuit& circuit) { return metric(cell.task, circuit); });
  }
}

}  // namespace circuitd
