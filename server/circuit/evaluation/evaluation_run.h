// The runs of an evaluation over any meters.
#pragma once

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/circuit/evaluation/circuit_meter.h"
#include "server/circuit/evaluation/evaluation.h"

namespace circuitd {

// The meter of a task, by its place.
using CircuitMeterOf = std::function<std::unique_ptr<CircuitMeter>(int task)>;

// Task by task, so that one meter is there at a time. On each the model; then circuit by circuit the empty one (once
// for node circuits and once for edge circuits), the circuit, random ones, drops, subsets of circuit and model, the
// curve. As Evaluate, but for how circuits are measured.
absl::StatusOr<EvaluationResult> EvaluateWithMeters(const ModelConfig& config, const EvaluationRequest& request,
                                                    const CircuitMeterOf& meter_of,
                                                    const std::function<void(const EvaluationStep&)>& on_step,
                                                    absl::Span<const EvaluationStep> made = {});

}  // namespace circuitd
