#include "server/service/node_pruning_job.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "circuitd/v1/job.pb.h"
#include "server/circuit/node_pruning_json.h"
#include "server/graph/circuit_document.h"
#include "server/graph/circuit_exports.h"
#include "server/model/forward.h"
#include "server/model/forward_flops.h"
#include "server/model/registry.h"
#include "server/service/convert_job.h"
#include "server/service/dataset_store.h"
#include "server/service/model_error.h"
#include "server/service/prompt_sources.h"
#include "server/service/prompts_json.h"
#include "server/service/server_options.h"
#include "server/service/speed_meter.h"
#include "server/service/version.h"
#include "server/tasks/prompt_source.h"
#include "server/telemetry/metrics.h"

namespace circuitd {
namespace {

using Clock = std::chrono::steady_clock;

// One run of the job: counts, paces, reports.
class NodePruningRun {
 public:
  NodePruningRun(const ServerParts& parts, const NodePruningPlan& plan, JobContext& context)
      : parts_(parts), plan_(plan), context_(context) {}

  absl::StatusOr<NodePruningResult> Run() {
    RETURN_IF_ERROR(TakeUpPast());
    NodePruningCallbacks callbacks;
    callbacks.checkpoint = [this] { return Pause(); };
    callbacks.on_decision = [this](const PruningDecision& decision) { Decide(decision); };
    absl::StatusOr<NodePruningResult> result =
        PruneNodes(*plan_.model, plan_.pairs, plan_.options, callbacks, /*made=*/std::vector(decisions_));
    CountWork();
    return result;
  }

  std::vector<PruningDecision>& decisions() { return decisions_; }

 private:
  // What earlier runs of the job have decided.
  absl::Status TakeUpPast() {
    for (const std::string& payload : context_.past_events()) {
      v1::PruningDecision proto;
      if (!proto.ParseFromString(payload)) return absl::DataLossError("a stored decision is damaged");
      ASSIGN_OR_RETURN(PruningDecision decision, FromProto(proto, "decision"));
      decisions_.push_back(std::move(decision));
    }
    v1::JobProgress progress;
    if (!progress.ParseFromString(context_.past_progress())) return absl::DataLossError("stored progress is damaged");
    worked_before_ = FromProto(progress.elapsed());
    return absl::OkStatus();
  }

  // Between two forwards others may have the device; their time is not this job's.
  absl::Status Pause() {
    CountWork();
    absl::Status status = context_.Checkpoint();
    working_since_ = Clock::now();
    return status;
  }

  void CountWork() {
    const std::chrono::duration<double> seconds = Clock::now() - working_since_;
    working_since_ = Clock::now();
    parts_.metrics.ForwardSeconds(seconds.count());
  }

  void Decide(const PruningDecision& decision) {
    decisions_.push_back(decision);
    parts_.metrics.DecisionMade();
    const absl::Duration elapsed = worked_before_ + absl::FromChrono(Clock::now() - start_);
    absl::Duration remaining =
        elapsed * (static_cast<double>(decision.candidates_left) / static_cast<double>(decisions_.size()));
    v1::JobProgress progress;
    progress.set_steps_done(decisions_.size());
    progress.set_steps_left(decision.candidates_left);
    progress.set_iteration(decision.iteration);
    *progress.mutable_elapsed() = ToProto(elapsed);
    *progress.mutable_remaining_estimate() = ToProto(remaining);
    // Zero would be: unknown.
    remaining = std::max(remaining, absl::Milliseconds(1));
    context_.Emit(ToProto(decision).SerializeAsString(), progress.SerializeAsString(), remaining);
  }

  const ServerParts& parts_;
  const NodePruningPlan& plan_;
  JobContext& context_;
  const Clock::time_point start_ = Clock::now();
  absl::Duration worked_before_;
  Clock::time_point working_since_ = Clock::now();
  std::vector<PruningDecision> decisions_;
};

JobOutcome MakeOutcome(const NodePruningPlan& plan, const NodePruningResult& result,
                       const std::vector<PruningDecision>& decisions) {
  const Model& model = *plan.model;
  CircuitDocument document;
  document.model_name = model.name();
  document.model_sha256 = plan.model_sha256;
  document.config = model.config();
  document.task_json = plan.prompts_json;
  document.parameters_json = PruningParametersJson(plan.options, plan.pairs.size());
  document.results_json = PruningResultsJson(result);
  document.circuit.nodes = result.circuit;
  document.server_version = kVersion;
  document.device = model.device();
  document.dtype = std::string(DTypeName(model.dtype()));
  document.created = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
  JobOutcome outcome;
  outcome.result = ToProto(result).SerializeAsString();
  outcome.artifacts = {{"circuit.json", "application/json", CircuitJson(document)},
                       {"decisions.jsonl", "application/jsonl", DecisionsJsonl(decisions)},
                       {"circuit.dot", "text/vnd.graphviz", CircuitDot(document, HeadInputs::kSplit)},
                       {"circuit.svg", "image/svg+xml", CircuitSvg(document, HeadInputs::kSplit)},
                       {"seqcont.json", "application/json", SeqcontJson(result.circuit)}};
  return outcome;
}

}  // namespace

absl::Status ValidateNodePruning(const v1::NodePruningSpec& spec) {
  if (spec.model().empty()) return InvalidField("model", "must be set");
  if (absl::Status status = ValidatePromptSource(spec.prompts()); !status.ok()) {
    return WithFieldPrefix("prompts", status);
  }
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

absl::StatusOr<std::shared_ptr<const NodePruningPlan>> PlanNodePruning(const ServerParts& parts,
                                                                       const v1::NodePruningSpec& spec) {
  absl::StatusOr<std::shared_ptr<const Model>> model = parts.models.Load(spec.model(), LoadOptions{});
  if (!model.ok()) return ModelError("model", model.status());
  ASSIGN_OR_RETURN(std::string sha256, (*model)->Sha256());
  ASSIGN_OR_RETURN(PromptPairs pairs, MakePromptPairs(parts.datasets, spec.prompts(), **model, PairNeeds{}, {}));
  ASSIGN_OR_RETURN(std::shared_ptr<NodePruningPlan> plan,
                   MakePlan(parts, spec, *std::move(model), std::move(sha256), std::move(pairs)));
  plan->prompts_json = PromptsJson(spec.prompts(), plan->pairs.size());
  plan->cost = EstimatePruningCost(*plan->model, plan->pairs, plan->options);
  plan->options.micro_batch_prompts = plan->cost.micro_batch_prompts;
  return plan;
}

absl::StatusOr<std::shared_ptr<NodePruningPlan>> MakePlan(const ServerParts& parts, const v1::NodePruningSpec& spec,
                                                          std::shared_ptr<const Model> model, std::string sha256,
                                                          PromptPairs pairs) {
  auto plan = std::make_shared<NodePruningPlan>();
  plan->model = std::move(model);
  plan->model_sha256 = std::move(sha256);
  plan->pairs = std::move(pairs);
  ASSIGN_OR_RETURN(plan->options.means, FromProto(spec.means(), "means"));
  plan->options.threshold = spec.threshold();
  if (spec.has_max_iterations()) plan->options.max_iterations = static_cast<int>(spec.max_iterations());
  plan->options.memory_budget_bytes = parts.options.memory_budget_bytes;
  return plan;
}

v1::CostEstimate EstimateNodePruning(const NodePruningPlan& plan, double flops_per_second) {
  const PruningCost& cost = plan.cost;
  v1::CostEstimate proto;
  proto.set_candidates_per_iteration(cost.candidates_per_iteration);
  proto.set_prompt_count(plan.pairs.size());
  proto.set_micro_batch_prompts(cost.micro_batch_prompts);
  proto.set_memory_bytes(cost.memory_bytes);
  proto.set_seconds_per_iteration(cost.flops_per_iteration / flops_per_second);
  return proto;
}

absl::Duration EstimateDuration(const ServerParts& parts, const NodePruningPlan& plan) {
  // Most prunings converge in their second or third iteration, each with fewer candidates than the one before.
  constexpr double kIterations = 2;
  const std::string& device = plan.model->device();
  const double speed = parts.speed.Get(device).value_or(TypicalFlopsPerSecond(device));
  const double iterations = std::min<double>(plan.options.max_iterations.value_or(kIterations), kIterations);
  return absl::Seconds(iterations * plan.cost.flops_per_iteration / speed);
}

absl::Status MeasureSpeed(const ServerParts& parts, const NodePruningPlan& plan, const Checkpoint& checkpoint) {
  constexpr size_t kMostPrompts = 32;
  ForwardRequest request;
  for (size_t i = 0; i < std::min(kMostPrompts, plan.pairs.size()); ++i) request.prompts.push_back(plan.pairs[i].clean);
  const double flops = ForwardFlops(plan.model->config(), request.prompts);
  const ForwardOptions options{parts.options.memory_budget_bytes, checkpoint};
  const std::string& device = plan.model->device();
  double seconds = 0;
  double done = 0;
  // The first round warms up; for a small model it takes several until they are long enough to count.
  for (int round = 0; !parts.speed.Get(device); ++round) {
    const Clock::time_point start = Clock::now();
    RETURN_IF_ERROR(RunForward(*plan.model, request, options, TensorSink()).status());
    if (round == 0) continue;
    seconds += std::chrono::duration<double>(Clock::now() - start).count();
    done += flops;
    parts.speed.Add(device, done, seconds);
  }
  return absl::OkStatus();
}

JobBody MakeNodePruningBody(const ServerParts& parts, std::shared_ptr<const NodePruningPlan> plan) {
  return [&parts, plan = std::move(plan)](JobContext& context) -> absl::StatusOr<JobOutcome> {
    NodePruningRun run(parts, *plan, context);
    ASSIGN_OR_RETURN(const NodePruningResult result, run.Run());
    return MakeOutcome(*plan, result, run.decisions());
  };
}

}  // namespace circuitd
