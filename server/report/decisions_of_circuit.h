// Whether decisions are those that made a circuit.
#pragma once

#include "absl/status/status.h"
#include "server/graph/circuit_document.h"
#include "server/report/logged_decisions.h"

namespace circuitd {

// INVALID_ARGUMENT, about decisions.jsonl, if they are another circuit's: as many as the document doesn't say, of nodes
// where it has edges or the other way round, or such that they made another set. Thread-safe.
absl::Status CheckDecisionsOf(const CircuitDocument& document, const LoggedDecisions& decisions);

}  // namespace circuitd
