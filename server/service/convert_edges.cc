#include "server/service/convert_edges.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/circuit/faithfulness.h"
#include "server/service/convert.h"
#include "server/service/convert_graph.h"
#include "server/service/enum_value.h"

namespace circuitd {
namespace {

static_assert(std::endian::native == std::endian::little, "sums are stored as the machine has them");

absl::StatusOr<Node> NodeAt(absl::string_view field, const v1::Node& proto) {
  absl::StatusOr<Node> node = FromProto(proto);
  if (!node.ok()) return WithFieldPrefix(field, node.status());
  return node;
}

int64_t ClampToInt64(uint64_t number) {
  return static_cast<int64_t>(std::min<uint64_t>(number, std::numeric_limits<int64_t>::max()));
}

}  // namespace

v1::Edge ToProto(const Edge& edge) {
  v1::Edge proto;
  *proto.mutable_sender() = ToProto(edge.sender);
  *proto.mutable_receiver() = ToProto(edge.receiver);
  return proto;
}

v1::EdgeDecision ToProto(const EdgeDecision& decision) {
  v1::EdgeDecision proto;
  proto.set_index(decision.index);
  *proto.mutable_edge() = ToProto(decision.edge);
  proto.set_metric(decision.metric);
  proto.set_criterion(decision.criterion);
  proto.set_removed(decision.removed);
  proto.set_edges_kept(decision.edges_kept);
  return proto;
}

v1::AttributionStep ToProto(const AttributionStep& step) {
  v1::AttributionStep proto;
  proto.set_pairs_done(step.pairs_done);
  proto.set_sums(step.sums.data(), step.sums.size() * sizeof(double));
  return proto;
}

v1::EdgeCircuitResult ToProto(const EdgeCircuitResult& result, v1::Metric metric) {
  v1::EdgeCircuitResult proto;
  proto.set_node_count(result.nodes.size());
  proto.set_edge_count(result.edges.size());
  proto.set_decision_count(result.decision_count);
  proto.set_metric(metric);
  proto.set_circuit_metric(result.circuit_metric);
  proto.set_model_metric(result.model_metric);
  proto.set_empty_metric(result.empty_metric);
  const std::optional<double> faithfulness =
      Faithfulness(result.circuit_metric, result.model_metric, result.empty_metric);
  if (faithfulness) proto.set_faithfulness(*faithfulness);
  return proto;
}

absl::StatusOr<EdgeDecision> FromProto(const v1::EdgeDecision& proto) {
  EdgeDecision decision;
  decision.index = ClampToInt64(proto.index());
  ASSIGN_OR_RETURN(decision.edge.sender, NodeAt("edge.sender", proto.edge().sender()));
  ASSIGN_OR_RETURN(decision.edge.receiver, NodeAt("edge.receiver", proto.edge().receiver()));
  decision.metric = proto.metric();
  decision.criterion = proto.criterion();
  decision.removed = proto.removed();
  decision.edges_kept = ClampToInt64(proto.edges_kept());
  return decision;
}

absl::StatusOr<AttributionStep> FromProto(const v1::AttributionStep& proto) {
  const std::string& bytes = proto.sums();
  if (bytes.size() % sizeof(double) != 0) {
    return InvalidField("sums", absl::StrCat(bytes.size(), " bytes, must be 8 for each number"));
  }
  AttributionStep step;
  step.pairs_done = ClampToInt64(proto.pairs_done());
  step.sums.resize(bytes.size() / sizeof(double));
  std::memcpy(step.sums.data(), bytes.data(), bytes.size());
  return step;
}

absl::StatusOr<AttributionMethod> FromProto(v1::AttributionMethod method, absl::string_view field) {
  switch (method) {
    case v1::ATTRIBUTION_METHOD_UNSPECIFIED:
    case v1::ATTRIBUTION_METHOD_EAP:
      return AttributionMethod::kEap;
    case v1::ATTRIBUTION_METHOD_EAP_IG_INPUTS:
      return AttributionMethod::kEapIgInputs;
    case v1::ATTRIBUTION_METHOD_EAP_IG_ACTIVATIONS:
      return AttributionMethod::kEapIgActivations;
    case v1::ATTRIBUTION_METHOD_EXACT:
      return AttributionMethod::kExact;
    case v1::ATTRIBUTION_METHOD_RANDOM:
      return AttributionMethod::kRandom;
    default:
      return NotAValue(method, field);
  }
}

absl::StatusOr<EdgeAblation> EdgeAblationOf(v1::Ablation ablation, absl::string_view field) {
  switch (ablation) {
    case v1::ABLATION_UNSPECIFIED:
    case v1::ABLATION_RESAMPLE:
      return EdgeAblation::kResample;
    case v1::ABLATION_MEAN:
      return EdgeAblation::kMean;
    case v1::ABLATION_ZERO:
      return EdgeAblation::kZero;
    default:
      return NotAValue(ablation, field);
  }
}

EdgeSelection FromProto(const v1::EdgeSelection& proto) {
  EdgeSelection selection;
  selection.absolute = !proto.signed_scores();
  switch (proto.rule_case()) {
    case v1::EdgeSelection::kThreshold:
      selection.rule = EdgeSelection::Rule::kThreshold;
      selection.threshold = proto.threshold();
      break;
    case v1::EdgeSelection::kGreedy:
      selection.rule = EdgeSelection::Rule::kGreedy;
      selection.count = ClampToInt64(proto.greedy());
      break;
    default:
      selection.count = ClampToInt64(proto.top_k());
      break;
  }
  return selection;
}

}  // namespace circuitd
