#include "client/cli/summary.h"

#include <functional>
#include <map>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "client/cli/job_kind.h"
#include "client/cli/metric_options.h"
#include "client/cli/node_text.h"
#include "client/cli/progress.h"
#include "client/cli/text.h"

namespace circuitd::client {

std::string PruningSummary(const v1::NodePruningResult& result) {
  size_t heads = 0;
  size_t mlps = 0;
  std::map<uint32_t, std::vector<std::string>, std::greater<>> layers;
  for (const v1::Node& node : result.circuit().nodes()) {
    heads += node.kind() == v1::NODE_KIND_ATTENTION_HEAD;
    mlps += node.kind() == v1::NODE_KIND_MLP;
    layers[node.layer()].push_back(NodeName(node));
  }
  std::string out = absl::StrFormat(
      "Circuit: %s, %s; score %.2f %% of the whole model's logit difference of %.3f\n"
      "(%s, %s)\n",
      CountOf(heads, "head"), CountOf(mlps, "MLP"), result.score(), result.full_logit_diff(),
      CountOf(result.decision_count(), "candidate"),
      result.converged() ? "until nothing more could leave" : "stopped at the iteration limit");
  for (const auto& [layer, nodes] : layers) {
    absl::StrAppendFormat(&out, "  layer %2d  %s\n", layer, absl::StrJoin(nodes, " "));
  }
  return out;
}

std::string EdgeCircuitSummary(const v1::EdgeCircuitResult& result) {
  const std::string decisions =
      result.decision_count() > 0 ? absl::StrCat(" (", CountOf(result.decision_count(), "candidate"), ")") : "";
  return absl::StrFormat(
      "Circuit: %s, %s%s\n"
      "%s: %.4f of the circuit, %.4f of the whole model, %.4f with all edges ablated; faithfulness %s\n",
      CountOf(result.edge_count(), "edge"), CountOf(result.node_count(), "node"), decisions,
      MetricName(result.metric()), result.circuit_metric(), result.model_metric(), result.empty_metric(),
      result.has_faithfulness() ? absl::StrFormat("%.4f", result.faithfulness()) : "undefined");
}

std::string ResultLine(const v1::Job& job) {
  switch (job.result_case()) {
    case v1::Job::kNodePruning:
      return absl::StrFormat("score %.2f %%, %s", job.node_pruning().score(),
                             CountOf(static_cast<uint64_t>(job.node_pruning().circuit().nodes_size()), "node"));
    case v1::Job::kEdgeCircuit: {
      const v1::EdgeCircuitResult& result = job.edge_circuit();
      return absl::StrCat(
          CountOf(result.edge_count(), "edge"), ", ", CountOf(result.node_count(), "node"),
          result.has_faithfulness() ? absl::StrFormat(", faithfulness %.3f", result.faithfulness()) : "");
    }
    case v1::Job::kEvaluation:
      return absl::StrCat(CountOf(static_cast<uint64_t>(job.evaluation().circuit_labels_size()), "circuit"), " on ",
                          CountOf(static_cast<uint64_t>(job.evaluation().task_labels_size()), "task"), ", ",
                          CountOf(job.evaluation().run_count(), "run"));
    case v1::Job::RESULT_NOT_SET:
      break;
  }
  return "";
}

std::string CostSummary(const v1::CostEstimate& estimate, const v1::JobSpec& spec) {
  return absl::StrFormat(
      "The request is valid. %s: %s on %s clean and as many corrupted prompts,\n"
      "in micro-batches of %s; about %s of memory and %s of time.\n",
      spec.has_node_pruning() ? "One iteration" : "The job",
      CountOf(estimate.candidates_per_iteration(), StepNoun(spec) == "decision" ? "candidate" : "step"),
      WithThousands(estimate.prompt_count()), WithThousands(estimate.micro_batch_prompts()),
      ByteSize(estimate.memory_bytes()), ClockTime(estimate.seconds_per_iteration()));
}

std::string FailureText(const v1::Job& job) {
  std::string out = absl::StrCat(job.name(), " ", StateName(job.state()));
  if (job.has_error()) {
    const auto code = static_cast<absl::StatusCode>(job.error().code());
    absl::StrAppend(&out, ": ", absl::StatusCodeToString(code), ": ", job.error().message());
  }
  return out;
}

}  // namespace circuitd::client
