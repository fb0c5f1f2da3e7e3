// Circuits' files side by side.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "client/cli/circuit_model.h"
#include "client/cli/circuit_source.h"
#include "client/cli/report.h"
#include "server/graph/circuit_document.h"
#include "server/graph/comparison_svg.h"

namespace circuitd::client {

// The circuits of the files, with their labels. A file that names no dimensions has `model`'s, or else those of the
// first one that does. INVALID_ARGUMENT as ParseCircuitFile, and for circuits of different models.
absl::StatusOr<std::vector<ComparedCircuit>> ParseCompared(const std::vector<std::string>& paths,
                                                           absl::Span<const LocalCircuit> files,
                                                           const std::optional<CircuitModel>& model);

// What all of them have, as a circuit of its own.
absl::StatusOr<CircuitDocument> SharedDocument(absl::Span<const ComparedCircuit> circuits, const std::string& created);

// Size of each, what each two have in common, and the shared circuit's nodes.
void AddComparison(absl::Span<const ComparedCircuit> circuits, const CircuitDocument& shared, Report& report);

}  // namespace circuitd::client
