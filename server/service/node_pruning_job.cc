#include "server/service/node_pruning_job.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "circuitd/v1/circuit.pb.h"
#include "server/circuit/node_pruning.h"
#include "server/circuit/node_pruning_json.h"
#include "server/service/circuit_files.h"
#include "server/service/convert_job.h"
#include "server/service/plan_run.h"

namespace circuitd {
namespace {

class NodePruningPlan final : public JobPlan {
 public:
  NodePruningPlan(JobMaterial material, MlpMeans means) : JobPlan(std::move(material)), means_(means) {}

  JobCost Cost() const override {
    // Most prunings converge in their second or third iteration, each with fewer candidates than the one before.
    constexpr double kIterations = 2;
    const NodePruningOptions options = Options();
    const PruningCost cost = EstimatePruningCost(model(), pairs(), options);
    const double iterations = std::min<double>(options.max_iterations.value_or(kIterations), kIterations);
    return {cost.candidates_per_iteration, cost.micro_batch_prompts, cost.memory_bytes, cost.flops_per_iteration,
            iterations};
  }

  absl::StatusOr<PlanOutcome> Run(PlanRun& run) const override {
    std::vector<PruningDecision> decisions;
    for (const std::string& payload : run.past_events()) {
      v1::PruningDecision proto;
      if (!proto.ParseFromString(payload)) return absl::DataLossError("a stored decision is damaged");
      ASSIGN_OR_RETURN(PruningDecision decision, FromProto(proto, "decision"));
      decisions.push_back(std::move(decision));
    }
    NodePruningCallbacks callbacks;
    callbacks.checkpoint = run.checkpoint();
    callbacks.on_decision = [&](const PruningDecision& decision) {
      decisions.push_back(decision);
      run.EmitDecision(ToProto(decision),
                       {static_cast<int64_t>(decisions.size()), decision.candidates_left, decision.iteration});
    };
    ASSIGN_OR_RETURN(const NodePruningResult result,
                     PruneNodes(model(), pairs(), Options(), callbacks, /*made=*/std::vector(decisions)));
    return MakeOutcome(result, decisions);
  }

 private:
  const PromptPairs& pairs() const { return material().prompts.front().pairs; }

  NodePruningOptions Options() const {
    const v1::NodePruningSpec& spec = material().spec.node_pruning();
    NodePruningOptions options;
    options.means = means_;
    options.threshold = spec.threshold();
    if (spec.has_max_iterations()) options.max_iterations = static_cast<int>(spec.max_iterations());
    options.memory_budget_bytes = material().memory_budget_bytes;
    options.micro_batch_prompts = material().micro_batch_prompts;
    return options;
  }

  PlanOutcome MakeOutcome(const NodePruningResult& result, const std::vector<PruningDecision>& decisions) const {
    CircuitDocument document = NewDocument(*this);
    document.parameters_json = PruningParametersJson(Options(), pairs().size());
    document.results_json = PruningResultsJson(result);
    document.circuit.nodes = result.circuit;
    PlanOutcome outcome = CircuitOutcome(ToProto(result).SerializeAsString(), document);
    outcome.files.push_back({"decisions.jsonl", "application/jsonl", DecisionsJsonl(decisions)});
    return outcome;
  }

  const MlpMeans means_;
};

absl::Status Validate(const v1::JobSpec& job) {
  const v1::NodePruningSpec& spec = job.node_pruning();
  RETURN_IF_ERROR(FromProto(spec.means(), "means").status());
  // So that NaN is refused too.
  if (!(spec.threshold() >= 0 && spec.threshold() <= 100)) {
    return InvalidField("threshold", absl::StrCat(spec.threshold(), ", must be 0-100"));
  }
  constexpr uint32_t kMostIterations = 1'000'000;
  if (spec.has_max_iterations() && (spec.max_iterations() < 1 || spec.max_iterations() > kMostIterations)) {
    return InvalidField("max_iterations", absl::StrCat(spec.max_iterations(), ", must be 1-", kMostIterations));
  }
  return absl::OkStatus();
}

void FillDefaults(v1::JobSpec& job) {
  v1::NodePruningSpec& spec = *job.mutable_node_pruning();
  if (spec.means() == v1::MLP_MEANS_UNSPECIFIED) spec.set_means(v1::MLP_MEANS_SEQCONT);
}

absl::StatusOr<std::unique_ptr<JobPlan>> Make(JobMaterial material) {
  ASSIGN_OR_RETURN(const MlpMeans means, FromProto(material.spec.node_pruning().means(), "means"));
  return std::make_unique<NodePruningPlan>(std::move(material), means);
}

}  // namespace

const JobKind& NodePruningKind() {
  static constexpr JobKind kKind{Validate, FillDefaults, [](const v1::JobSpec&) { return PairNeeds{}; }, Make};
  return kKind;
}

}  // namespace circuitd
