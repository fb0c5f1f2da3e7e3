// Messages of circuitd.v1 about edges, and about jobs that find circuits of them, to and from plain structs.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/circuit.pb.h"
#include "circuitd/v1/edges.pb.h"
#include "circuitd/v1/intervention.pb.h"
#include "server/circuit/attribution/edge_attribution.h"
#include "server/circuit/edges/edge_decision.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/graph/edge.h"
#include "server/graph/edge_selection.h"
#include "server/model/metric.h"

namespace circuitd {

v1::Edge ToProto(const Edge& edge);
v1::EdgeDecision ToProto(const EdgeDecision& decision);
v1::AttributionStep ToProto(const AttributionStep& step);
v1::EdgeCircuitResult ToProto(const EdgeCircuitResult& result, v1::Metric metric);

// The other way round. INVALID_ARGUMENT names the field from `field` on, or from the message on.
absl::StatusOr<EdgeDecision> FromProto(const v1::EdgeDecision& decision);
// Without receivers_done and steps_left.
absl::StatusOr<AttributionStep> FromProto(const v1::AttributionStep& step);
absl::StatusOr<AttributionMethod> FromProto(v1::AttributionMethod method, absl::string_view field);
// Unset: kResample.
absl::StatusOr<EdgeAblation> EdgeAblationOf(v1::Ablation ablation, absl::string_view field);
// Whatever its rule's number is. Unset rule: kTopK.
EdgeSelection FromProto(const v1::EdgeSelection& selection);

}  // namespace circuitd
