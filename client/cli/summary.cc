#include "client/cli/summary.h"

#include <functional>
#include <map>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
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

std::string CostSummary(const v1::CostEstimate& estimate) {
  return absl::StrFormat(
      "The request is valid. One iteration: %s candidates on %s clean and as many corrupted prompts,\n"
      "in micro-batches of %s; about %s of memory and %s of time.\n",
      WithThousands(estimate.candidates_per_iteration()), WithThousands(estimate.prompt_count()),
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
