// Judging circuits: how much of a model's behaviour on a task a circuit has, beside random circuits and without parts.
//
// m is a metric. m(circuit) is with everything outside ablated, m(empty circuit) with everything ablated, both by the
// same ablation. A node circuit keeps embed and all edges out of its nodes; an edge circuit just its edges.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/checkpoint.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/graph/circuit.h"
#include "server/graph/edge_selection.h"

namespace circuitd {

// Bounds of one evaluation.
inline constexpr int kMaxJudgedCircuits = 16;
inline constexpr int kMaxJudgedTasks = 16;
inline constexpr int kMaxRandomRuns = 10'000;  // of random circuits, and of subsets
inline constexpr int64_t kMaxEvaluationRuns = 1'000'000;

// A circuit to be judged, with scores of all edges where it has them.
struct JudgedCircuit {
  std::string label;
  Circuit circuit;
  std::optional<EdgeScores> scores;
};

struct JudgedTask {
  std::string label;
  PromptPairs pairs;
};

enum class CircuitRun {
  kAblateOutside,       // the clean run with everything outside of the circuit ablated
  kPatchIntoCorrupted,  // the corrupted run, in which the circuit's edges carry the clean run's values
};

struct EvaluationOptions {
  EdgeAblation ablation = EdgeAblation::kMean;
  // Of kMean and node circuits. kSeqcont only with kLogitDiff.
  MlpMeans means = MlpMeans::kSeqcont;
  Metric metric = Metric::kLogitDiff;
  // kPatchIntoCorrupted only with kResample and edge circuits.
  CircuitRun run = CircuitRun::kAblateOutside;
  int random_circuits = 20;  // 0 to kMaxRandomRuns
  uint64_t seed = 0;         // of random circuits and subsets
  bool drop_one = false;
  int knockout_subsets = 0;  // 0 to kMaxRandomRuns
  bool curve = false;        // of edge circuits with scores; the others have none
  EdgeSelection curve_selection;
  int64_t memory_budget_bytes = int64_t{2} << 30;
  std::optional<int64_t> micro_batch_prompts;
};

struct EvaluationRequest {
  std::vector<JudgedCircuit> circuits;  // of the model's dimensions
  std::vector<JudgedTask> tasks;
  EvaluationOptions options;
};

// One run over a task's pairs. Events, so that an evaluation can go on after the last one.
struct EvaluationStep {
  int64_t index = 0;  // from 0, without gaps
  int circuit = 0;
  int task = 0;
  std::string run;  // "model", "empty", "circuit", "random 7", "without A3.1", "subset 4 of the circuit", "curve 1%"
  double metric = 0;
  int64_t steps_left = 0;
};

struct Interval {
  double mean = 0;
  double standard_deviation = 0;  // of the sample
  double low = 0;                 // the 2.5th percentile, between neighbours
  double high = 0;                // the 97.5th
};

struct Drop {
  std::variant<Node, Edge> part;
  double drop =
      0;  // what the circuit loses without it: m(circuit) - m(circuit without it), of a loss (kl_div) minus that
};

struct Knockout {
  int64_t size = 0;
  double circuit_metric = 0;
  double model_metric = 0;
};

struct CurvePoint {
  double fraction = 0;
  int64_t edge_count = 0;
  double metric = 0;
  double faithfulness = 0;
};

struct CircuitOnTask {
  int circuit = 0;
  int task = 0;
  double circuit_metric = 0;
  double model_metric = 0;
  double empty_metric = 0;
  std::optional<double> score;         // percent of the model's logit difference, where that is positive
  std::optional<double> faithfulness;  // as faithfulness.h has it
  std::optional<Interval> random;
  double random_as_good = 0;  // part of the random circuits whose metric is as good or better
  std::vector<Drop> drops;
  std::vector<Knockout> knockouts;
  double incompleteness = 0;  // mean of |m(circuit) - m(model)|, both without the subset
  std::vector<CurvePoint> curve;
  double cpr = 0;  // area under the curve
  double cmd = 0;  // between it and 1
};

struct EvaluationResult {
  std::vector<CircuitOnTask> cells;  // by circuit, then by task
  int64_t run_count = 0;             // steps, whether or not an equal circuit was measured before
};

struct EvaluationCallbacks {
  Checkpoint checkpoint;                               // before each forward pass; may be empty
  std::function<void(const EvaluationStep&)> on_step;  // in order, each that was not made before; may be empty
};

// INVALID_ARGUMENT names the field of EvaluationSpec (evaluation.proto): options that do not go together or are out of
// range, "circuits[1]" that is none, is of another model than the others or that the run can't take, "tasks" if there
// are more than kMaxEvaluationRuns runs in all.
absl::Status ValidateEvaluation(const EvaluationRequest& request);

// Of a validated request. Threads and errors as EdgeScorer's, and FAILED_PRECONDITION for node circuits with kSeqcont
// where the model's logit difference is not positive, or for a metric that is not finite. `made` are steps of an
// earlier run, from its first one on: they stand (DATA_LOSS names the first that is amiss).
absl::StatusOr<EvaluationResult> Evaluate(const Model& model, const EvaluationRequest& request,
                                          const EvaluationCallbacks& callbacks,
                                          absl::Span<const EvaluationStep> made = {});

struct EvaluationCost {
  int64_t runs = 0;
  int64_t micro_batch_prompts = 0;
  int64_t memory_bytes = 0;
  double flops = 0;
};

EvaluationCost EstimateEvaluation(const Model& model, const EvaluationRequest& request);

}  // namespace circuitd
