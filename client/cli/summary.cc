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
      "Circuit: %d heads, %d MLPs; score %.2f %% of the whole model's logit difference of %.3f\n"
      "(%d candidates, %s)\n",
      heads, mlps, result.score(), result.full_logit_diff(), result.decision_count(),
      result.converged() ? "until nothing more could leave" : "stopped at the iteration limit");
  for (const auto& [layer, nodes] : layers) {
    absl::StrAppendFormat(&out, "  layer %2d  %s\n", layer, absl::StrJoin(nodes, " "));
  }
  return out;
}

std::string EdgeCircuitSummary(const v1::EdgeCircuitResult& result) {
  const std::string decisions =
      result.decision_count() > 0 ? absl::StrCat(" (", WithThousands(result.decision_count()), " candidates)") : "";
  return absl::StrFormat(
      "Circuit: %s edges, %s nodes%s\n"
      "%s: %.4f of the circuit, %.4f of the whole model, %.4f with all edges ablated; faithfulness %s\n",
      WithThousands(result.edge_count()), WithThousands(result.node_count()), decisions, MetricName(result.metric()),
      result.circuit_metric(), result.model_metric(), result.empty_metric(),
      result.has_faithfulness() ? absl::StrFormat("%.4f", result.faithfulness()) : "undefined");
}

std::string ResultLine(const v1::Job& job) {
  switch (job.result_case()) {
    case v1::Job::kNodePruning:
      return absl::StrFormat("score %.2f %%, %d nodes", job.node_pruning().score(),
                             job.node_pruning().circuit().nodes_size());
    case v1::Job::kEdgeCircuit: {
      const v1::EdgeCircuitResult& result = job.edge_circuit();
      return absl::StrCat(
          result.edge_count(), " edges, ", result.node_count(), " nodes",
          result.has_faithfulness() ? absl::StrFormat(", faithfulness %.3f", result.faithfulness()) : "");
    }
    case v1::Job::kEvaluation:
      return absl::StrCat(job.evaluation().circuit_labels_size(), " circuits on ", job.evaluation().task_labels_size(),
                          " tasks, ", job.evaluation().run_count(), " runs");
    case v1::Job::RESULT_NOT_SET:
      break;
  }
  return "";
}

std::string CostSummary(const v1::CostEstimate& estimate, const v1::JobSpec& spec) {
  return absl::StrFormat(
      "The request is valid. %s: %s %s on %s clean and as many corrupted prompts,\n"
      "in micro-batches of %s; about %s of memory and %s of time.\n",
      spec.has_node_pruning() ? "One iteration" : "The job", WithThousands(estimate.candidates_per_iteration()),
      StepNoun(spec) == "decisions" ? "candidates" : "steps", WithThousands(estimate.prompt_count()),
      WithThousands(estimate.micro_batch_prompts()), ByteSize(estimate.memory_bytes()),
      ClockTime(estimate.seconds_per_iteration()));
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
