// The keys of circuit.json that are not results.
#pragma once

#include <algorithm>
#include <iterator>

#include "absl/strings/string_view.h"

namespace circuitd {

inline constexpr char kCircuitSchema[] = "circuitd.circuit/1";

inline bool IsDocumentKey(absl::string_view key) {
  constexpr absl::string_view kKeys[] = {"schema", "model", "task",        "parameters",
                                         "nodes",  "edges", "other_edges", "provenance"};
  return std::find(std::begin(kKeys), std::end(kKeys), key) != std::end(kKeys);
}

}  // namespace circuitd
