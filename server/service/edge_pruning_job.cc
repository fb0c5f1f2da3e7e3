#include "server/service/edge_pruning_job.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "circuitd/v1/edges.pb.h"
#include "nlohmann/json.hpp"
#include "server/circuit/edges/edge_pruning.h"
#include "server/service/convert_job.h"
#include "server/service/convert_patching.h"
#include "server/service/edge_job.h"
#include "server/service/enum_text.h"

namespace circuitd {
namespace {

class EdgePruningPlan final : public JobPlan {
 public:
  EdgePruningPlan(JobMaterial material, MlpMeans means, PathFreeze freeze)
      : JobPlan(std::move(material)), means_(means), freeze_(freeze) {}

  JobCost Cost() const override {
    const EdgePruningOptions options = Options();
    EdgeScorerOptions runs;
    runs.within = WithinCircuit{options.nodes, options.means};
    runs.memory_budget_bytes = options.memory_budget_bytes;
    const auto edges = static_cast<int64_t>(EdgePruningOrder(model().config(), options.nodes).size());
    return CostOfEdges(EstimateEdgeRun(model(), pairs(), runs), edges);
  }

  absl::StatusOr<PlanOutcome> Run(PlanRun& run) const override {
    ASSIGN_OR_RETURN(EdgeDecisionLog decisions, EdgeDecisionLog::Of(run));
    ASSIGN_OR_RETURN(EdgeCircuitResult result, PruneEdges(model(), pairs(), Options(), decisions.Callbacks(run),
                                                          /*made=*/std::vector(decisions.all())));
    return EdgeOutcome(*this, {std::move(result), std::nullopt, v1::METRIC_LOGIT_DIFF, ParametersJson()},
                       decisions.all());
  }

 private:
  const v1::EdgePruningSpec& spec() const { return material().spec.edge_pruning(); }
  const PromptPairs& pairs() const { return material().prompts.front().pairs; }

  EdgePruningOptions Options() const {
    EdgePruningOptions options;
    options.nodes = material().circuits.front().circuit.nodes;
    options.means = means_;
    options.threshold = spec().threshold();
    options.freeze = freeze_;
    options.memory_budget_bytes = material().memory_budget_bytes;
    options.micro_batch_prompts = material().micro_batch_prompts;
    return options;
  }

  std::string ParametersJson() const {
    nlohmann::ordered_json nodes = nlohmann::ordered_json::array();
    for (const Node& node : material().circuits.front().circuit.nodes) nodes.push_back(NodeName(node));
    const nlohmann::ordered_json parameters = {
        {"method", "edge_pruning"},          {"circuit", spec().circuit().label()},
        {"circuit_nodes", std::move(nodes)}, {"means", EnumText(spec().means())},
        {"threshold", spec().threshold()},   {"freeze", EnumText(spec().freeze())},
        {"prompt_count", pairs().size()},    {"memory_budget_bytes", material().memory_budget_bytes}};
    return parameters.dump();
  }

  const MlpMeans means_;
  const PathFreeze freeze_;
};

constexpr double kDefaultThreshold = 0.8;  // as published

absl::Status Validate(const v1::JobSpec& job) {
  const v1::EdgePruningSpec& spec = job.edge_pruning();
  RETURN_IF_ERROR(FromProto(spec.means(), "means").status());
  // So that NaN is refused too.
  if (!(spec.threshold() >= 0 && spec.threshold() <= 10)) {
    return InvalidField("threshold", absl::StrCat(spec.threshold(), ", must be 0-10"));
  }
  return FromProto(spec.freeze(), "freeze").status();
}

void FillDefaults(v1::JobSpec& job) {
  v1::EdgePruningSpec& spec = *job.mutable_edge_pruning();
  if (spec.means() == v1::MLP_MEANS_UNSPECIFIED) spec.set_means(v1::MLP_MEANS_SEQCONT);
  if (!spec.has_threshold()) spec.set_threshold(kDefaultThreshold);
  if (spec.freeze() == v1::PATH_FREEZE_UNSPECIFIED) spec.set_freeze(v1::PATH_FREEZE_ALL);
}

absl::StatusOr<std::unique_ptr<JobPlan>> Make(JobMaterial material) {
  const v1::EdgePruningSpec& spec = material.spec.edge_pruning();
  ASSIGN_OR_RETURN(const MlpMeans means, FromProto(spec.means(), "means"));
  ASSIGN_OR_RETURN(const PathFreeze freeze, FromProto(spec.freeze(), "freeze"));
  CircuitDocument& circuit = material.circuits.front();
  if (circuit.circuit.nodes.empty()) return InvalidField("circuit", "has neither heads nor MLPs");
  // They count for nothing, and may take much to store.
  circuit.circuit.edges.reset();
  circuit.scores.reset();
  return std::make_unique<EdgePruningPlan>(std::move(material), means, freeze);
}

}  // namespace

const JobKind& EdgePruningKind() {
  static constexpr JobKind kKind{Validate, FillDefaults, [](const v1::JobSpec&) { return PairNeeds{}; }, Make};
  return kKind;
}

}  // namespace circuitd
