#include "server/service/evaluation_job.h"

#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "circuitd/v1/evaluation.pb.h"
#include "server/circuit/evaluation/evaluation.h"
#include "server/circuit/evaluation/evaluation_json.h"
#include "server/report/report_files.h"
#include "server/service/circuit_files.h"
#include "server/service/convert.h"
#include "server/service/convert_edges.h"
#include "server/service/convert_evaluation.h"
#include "server/service/convert_job.h"
#include "server/service/labels.h"
#include "server/service/plan_run.h"
#include "server/service/prompts.h"
#include "server/service/source_prompts.h"

namespace circuitd {
namespace {

// Of a result, which comes with every answer about the job; evaluation.json has it all.
constexpr size_t kMostResultBytes = size_t{1} << 20;

// Of a spec whose numbers are within their bounds. Without what the server decides.
absl::StatusOr<EvaluationOptions> OptionsOf(const v1::EvaluationSpec& spec) {
  EvaluationOptions options;
  options.ablation = EdgeAblation::kMean;
  if (spec.ablation() != v1::ABLATION_UNSPECIFIED) {
    ASSIGN_OR_RETURN(options.ablation, EdgeAblationOf(spec.ablation(), "ablation"));
  }
  ASSIGN_OR_RETURN(options.means, FromProto(spec.means(), "means"));
  ASSIGN_OR_RETURN(const std::optional<Metric> metric, FromProto(spec.metric(), "metric"));
  options.metric = metric.value_or(Metric::kLogitDiff);
  // Of other metrics there are no such means.
  if (spec.means() == v1::MLP_MEANS_UNSPECIFIED && options.metric != Metric::kLogitDiff) {
    options.means = MlpMeans::kClean;
  }
  ASSIGN_OR_RETURN(options.run, FromProto(spec.run(), "run"));
  if (spec.has_random_circuits()) options.random_circuits = static_cast<int>(spec.random_circuits());
  options.seed = spec.seed();
  options.drop_one = spec.drop_one();
  options.knockout_subsets = static_cast<int>(spec.knockout_subsets());
  options.curve = spec.curve();
  options.curve_selection = FromProto(spec.curve_selection());
  return options;
}

class EvaluationPlan final : public JobPlan {
 public:
  EvaluationPlan(JobMaterial material, EvaluationOptions options)
      : JobPlan(std::move(material)), options_(std::move(options)) {}

  // Copies prompts, which may be many: for as long as it is needed.
  EvaluationRequest Request() const {
    EvaluationRequest request;
    for (int i = 0; i < spec().circuits_size(); ++i) {
      const CircuitDocument& document = material().circuits[i];
      request.circuits.push_back({spec().circuits(i).label(), document.circuit, document.scores});
    }
    for (int i = 0; i < spec().tasks_size(); ++i) {
      request.tasks.push_back({spec().tasks(i).label(), material().prompts[i].pairs});
    }
    request.options = options_;
    request.options.memory_budget_bytes = material().memory_budget_bytes;
    request.options.micro_batch_prompts = material().micro_batch_prompts;
    return request;
  }

  JobCost Cost() const override {
    const EvaluationCost cost = EstimateEvaluation(model(), Request());
    return {.steps_per_iteration = cost.runs,
            .micro_batch_prompts = cost.micro_batch_prompts,
            .memory_bytes = cost.memory_bytes,
            .flops_per_iteration = cost.flops};
  }

  absl::StatusOr<PlanOutcome> Run(PlanRun& run) const override {
    std::vector<EvaluationStep> made;
    for (const std::string& payload : run.past_events()) {
      v1::EvaluationStep proto;
      if (!proto.ParseFromString(payload)) return absl::DataLossError("a stored step is damaged");
      made.push_back(FromProto(proto));
    }
    const EvaluationCallbacks callbacks{run.checkpoint(), [&](const EvaluationStep& step) {
                                          run.Emit(ToProto(step), {step.index + 1, step.steps_left});
                                        }};
    const EvaluationRequest request = Request();
    ASSIGN_OR_RETURN(const EvaluationResult result, Evaluate(model(), request, callbacks, made));
    return MakeOutcome(request, result);
  }

 private:
  const v1::EvaluationSpec& spec() const { return material().spec.evaluation(); }

  PlanOutcome MakeOutcome(const EvaluationRequest& request, const EvaluationResult& result) const {
    v1::EvaluationResult proto = ToProto(result, kMostResultBytes);
    for (const JudgedCircuit& circuit : request.circuits) proto.add_circuit_labels(circuit.label);
    for (const JudgedTask& task : request.tasks) proto.add_task_labels(task.label);
    proto.set_metric(spec().metric());
    const CircuitDocument origin = NewDocument(*this);
    EvaluationDocument document;
    document.model_name = origin.model_name;
    document.model_sha256 = origin.model_sha256;
    document.config = origin.config;
    DescribeRequest(request, document);
    for (size_t i = 0; i < document.tasks.size(); ++i) document.tasks[i].prompts_json = material().prompts[i].json;
    document.result = result;
    document.server_version = origin.server_version;
    document.device = origin.device;
    document.dtype = origin.dtype;
    document.created = origin.created;
    PlanOutcome outcome;
    outcome.result = proto.SerializeAsString();
    outcome.files = {{"evaluation.json", "application/json", EvaluationJson(document)}};
    for (const CircuitDocument& circuit : material().circuits) {
      outcome.files.push_back({JudgedCircuitFile(outcome.files.size() - 1), "application/json", CircuitJson(circuit)});
      outcome.nodes.insert(circuit.circuit.nodes.begin(), circuit.circuit.nodes.end());
    }
    for (const JudgedTask& task : request.tasks) outcome.prompt_labels.push_back(task.label);
    return outcome;
  }

  const EvaluationOptions options_;
};

absl::Status CheckRange(absl::string_view field, uint64_t number, uint64_t least, uint64_t most) {
  if (number >= least && number <= most) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(number, ", must be ", least, "-", most));
}

absl::Status Validate(const v1::JobSpec& job) {
  const v1::EvaluationSpec& spec = job.evaluation();
  RETURN_IF_ERROR(CheckRange("circuits", spec.circuits_size(), 1, kMaxJudgedCircuits));
  RETURN_IF_ERROR(CheckRange("tasks", spec.tasks_size(), 1, kMaxJudgedTasks));
  for (int i = 0; i < spec.tasks_size(); ++i) {
    const absl::Status status = ValidateLabel(spec.tasks(i).label());
    if (!status.ok()) return WithFieldPrefix(FieldAt("tasks", i), status);
  }
  RETURN_IF_ERROR(CheckRange("random_circuits", spec.random_circuits(), 0, kMaxRandomRuns));
  RETURN_IF_ERROR(CheckRange("knockout_subsets", spec.knockout_subsets(), 0, kMaxRandomRuns));
  return OptionsOf(spec).status();
}

void FillDefaults(v1::JobSpec& job) {
  v1::EvaluationSpec& spec = *job.mutable_evaluation();
  if (spec.ablation() == v1::ABLATION_UNSPECIFIED) spec.set_ablation(v1::ABLATION_MEAN);
  if (spec.metric() == v1::METRIC_UNSPECIFIED) spec.set_metric(v1::METRIC_LOGIT_DIFF);
  if (spec.means() == v1::MLP_MEANS_UNSPECIFIED) {
    spec.set_means(spec.metric() == v1::METRIC_LOGIT_DIFF ? v1::MLP_MEANS_SEQCONT : v1::MLP_MEANS_CLEAN);
  }
  if (spec.run() == v1::CIRCUIT_RUN_UNSPECIFIED) spec.set_run(v1::CIRCUIT_RUN_ABLATE_OUTSIDE);
  if (!spec.has_random_circuits()) spec.set_random_circuits(EvaluationOptions().random_circuits);
  if (!spec.curve()) spec.clear_curve_selection();
}

PairNeeds Needs(const v1::JobSpec& job) {
  const absl::StatusOr<EvaluationOptions> options = OptionsOf(job.evaluation());
  return options.ok() ? NeedsOf(options->metric) : PairNeeds{};
}

absl::StatusOr<std::unique_ptr<JobPlan>> Make(JobMaterial material) {
  v1::EvaluationSpec& spec = *material.spec.mutable_evaluation();
  for (int i = 0; i < spec.tasks_size(); ++i) {
    std::string& label = *spec.mutable_tasks(i)->mutable_label();
    if (label.empty()) label = LabelOfPrompts(material.prompts[i].json);
    if (label.empty()) label = "prompts";
  }
  ASSIGN_OR_RETURN(EvaluationOptions options, OptionsOf(spec));
  // They count for nothing else, and take much to store.
  for (CircuitDocument& circuit : material.circuits) {
    if (!options.curve) circuit.scores.reset();
  }
  auto plan = std::make_unique<EvaluationPlan>(std::move(material), std::move(options));
  RETURN_IF_ERROR(ValidateEvaluation(plan->Request()));
  return plan;
}

}  // namespace

const JobKind& EvaluationKind() {
  static constexpr JobKind kKind{Validate, FillDefaults, Needs, Make};
  return kKind;
}

}  // namespace circuitd
