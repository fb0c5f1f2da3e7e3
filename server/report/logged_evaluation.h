// evaluation.json, read back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/graph/edge.h"
#include "server/graph/node.h"
#include "server/model/config.h"

namespace circuitd {

// Keys as docs/evaluation-json.md has them. NaN: null there.
struct LoggedEvaluation {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

  struct CircuitEntry {
    std::string label;
    int64_t node_count = 0;
    std::optional<int64_t> edge_count;
  };
  struct TaskEntry {
    std::string label;
    int64_t prompt_count = 0;
    std::string prompts_json;  // an object, or empty
  };
  struct Random {
    double mean = kNone, standard_deviation = kNone, low = kNone, high = kNone, as_good = kNone;
  };
  struct Drop {
    std::variant<Node, Edge> part;
    double drop = kNone, drop_percent = kNone;
  };
  struct CurvePoint {
    double fraction = kNone;
    int64_t edge_count = 0;
    double metric = kNone, faithfulness = kNone;
  };
  struct Cell {
    size_t circuit = 0, task = 0;
    double circuit_metric = kNone, model_metric = kNone, empty_metric = kNone;
    double score = kNone, faithfulness = kNone;
    std::optional<Random> random;
    std::vector<Drop> drops;
    double incompleteness = kNone;
    std::vector<CurvePoint> curve;
    double cpr = kNone, cmd = kNone;
  };

  std::string model_name, model_sha256;
  ModelConfig config;
  std::string metric, ablation;
  std::string parameters_json;
  int64_t random_circuits = 0;
  std::vector<CircuitEntry> circuits;
  std::vector<TaskEntry> tasks;
  std::vector<Cell> cells;  // by circuit, then by task
  std::string server_version, device, dtype, created;
};

// INVALID_ARGUMENT names key, value and bound: JSON that is none or nested deeper than the format is, another schema or
// version, no circuits or no tasks, a cell of none of them, a node or edge that the model doesn't have, over
// kMostEvaluated or kMaxEvaluationBytes. Thread-safe.
absl::StatusOr<LoggedEvaluation> ParseEvaluation(absl::string_view text);

inline constexpr size_t kMaxEvaluationBytes = size_t{64} << 20;
// Circuits, and tasks.
inline constexpr size_t kMostEvaluated = 16;

}  // namespace circuitd
