// A request's circuits: from its CircuitSource to what it has of the model.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/circuit.pb.h"
#include "server/graph/circuit_document.h"
#include "server/model/config.h"
#include "server/service/server_parts.h"

namespace circuitd {

// Checks what needs neither model nor files. INVALID_ARGUMENT names the field, from the source on: "job".
absl::Status ValidateCircuitSource(const v1::CircuitSource& source);

struct NamedCircuit {
  CircuitDocument document;
  std::string label;  // as the source says, or the circuit itself; else empty
};

// Of a validated source. It may be another model's circuit, but of one with these dimensions. Reads files. NOT_FOUND
// for datasets and jobs that are not there, FAILED_PRECONDITION for a job that has not succeeded or has found no
// circuit; errors in the circuit itself are INVALID_ARGUMENT about the whole source, whose field is `field`.
absl::StatusOr<NamedCircuit> ReadCircuit(const ServerParts& parts, const v1::CircuitSource& source,
                                         absl::string_view field, const ModelConfig& config);

}  // namespace circuitd
