// decisions.jsonl, read back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/graph/edge.h"
#include "server/graph/node.h"
#include "server/model/config.h"

namespace circuitd {

// Keys as docs/circuit-json.md has them. NaN: not known, or not finite.
struct LoggedNodeDecision {
  Node node;
  double score = std::numeric_limits<double>::quiet_NaN();
  bool removed = false;
  int iteration = 0;
  bool backward = true;
  int heads_kept = 0;
  int mlps_kept = 0;
};

struct LoggedEdgeDecision {
  Edge edge;
  double metric = std::numeric_limits<double>::quiet_NaN();
  double criterion = std::numeric_limits<double>::quiet_NaN();
  bool removed = false;
  int64_t edges_kept = 0;
};

// In order. monostate: there are none.
using LoggedDecisions = std::variant<std::monostate, std::vector<LoggedNodeDecision>, std::vector<LoggedEdgeDecision>>;

// INVALID_ARGUMENT names line, key, value and bound: a line that is not JSON or not like the first one, an index that
// leaves a gap, a node or edge that the model doesn't have, over kMaxDecisionsBytes. Unknown keys are ignored. Takes
// time in proportion to the text. Thread-safe.
absl::StatusOr<LoggedDecisions> ParseDecisions(absl::string_view text, const ModelConfig& config);

// Of a run that tries each edge of GPT-2 medium some 40 MB.
inline constexpr size_t kMaxDecisionsBytes = size_t{256} << 20;

}  // namespace circuitd
