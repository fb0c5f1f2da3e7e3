#include "client/cli/job_kind.h"

#include <type_traits>

namespace circuitd::client {
namespace {

// `take` of the spec's kind, or `otherwise` where there is none.
template <typename Result, typename Take>
Result OfKind(const v1::JobSpec& spec, Result otherwise, const Take& take) {
  switch (spec.kind_case()) {
    case v1::JobSpec::kNodePruning:
      return take(spec.node_pruning());
    case v1::JobSpec::kEdgePruning:
      return take(spec.edge_pruning());
    case v1::JobSpec::kAcdc:
      return take(spec.acdc());
    case v1::JobSpec::kEdgeAttribution:
      return take(spec.edge_attribution());
    case v1::JobSpec::kEvaluation:
      return take(spec.evaluation());
    case v1::JobSpec::KIND_NOT_SET:
      break;
  }
  return otherwise;
}

}  // namespace

std::string KindName(const v1::JobSpec& spec) {
  switch (spec.kind_case()) {
    case v1::JobSpec::kNodePruning:
      return "prune";
    case v1::JobSpec::kEdgePruning:
      return "edges";
    case v1::JobSpec::kAcdc:
      return "acdc";
    case v1::JobSpec::kEdgeAttribution:
      return "eap";
    case v1::JobSpec::kEvaluation:
      return "eval";
    case v1::JobSpec::KIND_NOT_SET:
      break;
  }
  return "";
}

std::string ModelOf(const v1::JobSpec& spec) {
  return OfKind<std::string>(spec, "", [](const auto& kind) { return kind.model(); });
}

std::string TaskOf(const v1::JobSpec& spec) {
  return OfKind<std::string>(spec, "", [](const auto& kind) -> std::string {
    if constexpr (std::is_same_v<decltype(kind), const v1::EvaluationSpec&>) {
      return "eval";
    } else {
      return kind.prompts().task().task();
    }
  });
}

std::string StepNoun(const v1::JobSpec& spec) {
  return spec.has_edge_attribution() || spec.has_evaluation() ? "step" : "decision";
}

}  // namespace circuitd::client
