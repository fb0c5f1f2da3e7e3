// Messages of circuitd.v1 about evaluations to and from plain structs.
#pragma once

#include <cstddef>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/evaluation.pb.h"
#include "server/circuit/evaluation/evaluation.h"

namespace circuitd {

v1::EvaluationStep ToProto(const EvaluationStep& step);
// Without labels and metric, and without drops and knockouts if it were over `most_bytes` with them.
v1::EvaluationResult ToProto(const EvaluationResult& result, size_t most_bytes);

// Without steps_left.
EvaluationStep FromProto(const v1::EvaluationStep& step);
// INVALID_ARGUMENT names `field`.
absl::StatusOr<CircuitRun> FromProto(v1::CircuitRun run, absl::string_view field);

}  // namespace circuitd
