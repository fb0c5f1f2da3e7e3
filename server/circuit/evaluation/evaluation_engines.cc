#include "server/circuit/evaluation/evaluation_engines.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/status.h"
#include "server/circuit/evaluation/circuit_parts.h"

namespace circuitd {
namespace {

EdgeSet Complement(const EdgeSet& edges) {
  EdgeSet others = EdgeSet::All(edges.config());
  for (int receiver = 0; receiver < edges.receiver_count(); ++receiver) {
    for (int sender = 0; sender < edges.sender_count(); ++sender) {
      if (edges.Contains(receiver, sender)) others.Set(receiver, sender, false);
    }
  }
  return others;
}

class EngineMeter : public CircuitMeter {
 public:
  EngineMeter(const Model& model, const PromptPairs& pairs, const EvaluationEngines& engines,
              const Checkpoint& checkpoint)
      : model_(model), pairs_(pairs), engines_(engines), checkpoint_(checkpoint) {}

  absl::StatusOr<double> ModelMetric() override {
    RETURN_IF_ERROR(StartNodes());
    if (nodes_) return nodes_->full_logit_diff();
    RETURN_IF_ERROR(StartEdges());
    return edges_->model_metric();
  }

  absl::StatusOr<double> Measure(const Circuit& circuit) override {
    if (!circuit.edges) {
      RETURN_IF_ERROR(StartNodes());
      if (nodes_) return OfScore(nodes_->Score(circuit.nodes));
    }
    RETURN_IF_ERROR(StartEdges());
    const EdgeSet edges = Recomputed(circuit);
    edges_->GoOnFrom(edges);  // a whole run, whatever was measured before
    return edges_->Score(edges);
  }

  absl::StatusOr<double> MeasureWithoutNode(const Circuit& circuit, const Node& node) override {
    if (!circuit.edges) {
      RETURN_IF_ERROR(StartNodes());
      if (nodes_) return OfScore(nodes_->ScoreWithout(circuit.nodes, node));
    }
    return Measure(WithoutParts(circuit, {node}));
  }

  absl::StatusOr<std::vector<double>> MeasureWithoutEdges(const Circuit& circuit, int receiver,
                                                          absl::Span<const int> senders) override {
    RETURN_IF_ERROR(StartEdges());
    edges_->GoOnFrom(Recomputed(circuit));
    if (!engines_.edge_options.swap_prompts) return edges_->ScoreWithout(*circuit.edges, receiver, senders);
    // An edge that leaves the circuit joins those that carry recomputed values.
    std::vector<double> metrics;
    for (const int sender : senders) {
      EdgeSet edges = Recomputed(circuit);
      edges.Set(receiver, sender, true);
      ASSIGN_OR_RETURN(const double metric, edges_->Score(edges));
      metrics.push_back(metric);
    }
    return metrics;
  }

 private:
  absl::Status StartNodes() {
    if (!engines_.nodes || nodes_) return absl::OkStatus();
    auto nodes = NewNodeScorer(model_, pairs_, engines_.node_options, checkpoint_);
    if (nodes.ok()) {
      nodes_ = *std::move(nodes);
    } else if (absl::IsFailedPrecondition(nodes.status()) && engines_.node_options.means == MlpMeans::kClean) {
      engines_.nodes = false;
    } else {
      return nodes.status();
    }
    return absl::OkStatus();
  }

  absl::Status StartEdges() {
    if (edges_) return absl::OkStatus();
    ASSIGN_OR_RETURN(edges_, NewEdgeScorer(model_, pairs_, engines_.edge_options, checkpoint_));
    return absl::OkStatus();
  }

  absl::StatusOr<double> OfScore(absl::StatusOr<double> score) const {
    if (score.ok()) *score *= nodes_->full_logit_diff() / 100;
    return score;
  }

  // The edges that carry what the run itself computes: the circuit's in the clean run, all others in the corrupted run
  // that the circuit is patched into.
  EdgeSet Recomputed(const Circuit& circuit) const {
    if (!circuit.edges) return EdgeSet::LeavingOnly(model_.config(), circuit.nodes);
    return engines_.edge_options.swap_prompts ? Complement(*circuit.edges) : *circuit.edges;
  }

  const Model& model_;
  const PromptPairs& pairs_;
  EvaluationEngines engines_;
  const Checkpoint& checkpoint_;
  std::unique_ptr<NodeScorer> nodes_;
  std::unique_ptr<EdgeScorer> edges_;
};

}  // namespace

EvaluationEngines EnginesOf(const EvaluationRequest& request) {
  const EvaluationOptions& options = request.options;
  const auto of_nodes = std::count_if(request.circuits.begin(), request.circuits.end(),
                                      [](const JudgedCircuit& judged) { return !judged.circuit.edges; });
  EvaluationEngines engines;
  engines.nodes = of_nodes > 0 && options.ablation == EdgeAblation::kMean && options.metric == Metric::kLogitDiff;
  engines.edges = !engines.nodes || of_nodes < static_cast<int64_t>(request.circuits.size());
  const int64_t budget = options.memory_budget_bytes / (engines.nodes && engines.edges ? 2 : 1);
  engines.node_options.means = options.means;
  engines.node_options.memory_budget_bytes = budget;
  engines.node_options.micro_batch_prompts = options.micro_batch_prompts;
  engines.edge_options.metric = options.metric;
  engines.edge_options.ablation = options.ablation;
  engines.edge_options.swap_prompts = options.run == CircuitRun::kPatchIntoCorrupted;
  engines.edge_options.memory_budget_bytes = budget;
  engines.edge_options.micro_batch_prompts = options.micro_batch_prompts;
  return engines;
}

std::unique_ptr<CircuitMeter> NewCircuitMeter(const Model& model, const PromptPairs& pairs,
                                              const EvaluationEngines& engines, const Checkpoint& checkpoint) {
  return std::make_unique<EngineMeter>(model, pairs, engines, checkpoint);
}

}  // namespace circuitd
