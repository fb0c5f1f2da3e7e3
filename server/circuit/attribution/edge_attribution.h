// Scores for all edges of a model, each by one of several methods; a positive score says that ablating the edge hurts.
//
// The loss of a pair is minus its logit difference or probability difference, or its kl_div or nll. Scores are means
// over pairs, however these are split into micro-batches.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/checkpoint.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/graph/edge_set.h"

namespace circuitd {

enum class AttributionMethod {
  // Edge attribution patching (Syed, Rager and Conmy 2023, arXiv 2310.10348, section 3): the sum over positions and
  // d_model of (outside - clean output of the sender) * the loss's gradient at the receiver's input, before its
  // LayerNorm, in the clean run.
  kEap,
  // With integrated gradients (Hanna, Pezzelle and Belinkov 2024, arXiv 2403.17806, section 3): the gradient is the
  // mean over runs whose embedding is corrupted + k/m (clean - corrupted), k = 0 .. m-1. Only with kResample.
  kEapIgInputs,
  // The same work's form over activations (section 3, as its authors' code has it): for embed, each layer's heads
  // together and each MLP, m clean runs in which their output is outside + k/m (clean - outside), k = 1 .. m; the
  // gradient is the mean over all these runs.
  kEapIgActivations,
  // What it approximates: the loss of the edge-masked run with all edges but this one, minus that of the clean run.
  kExact,
  // Uniform in [0, 1) from the seed, the same for the same seed and model shape: the baseline.
  kRandom,
};

struct AttributionOptions {
  AttributionMethod method = AttributionMethod::kEap;
  int steps = 5;           // m, of the integrated gradients; 1 to 1000
  uint64_t seed = 0;       // of kRandom
  EdgeScorerOptions runs;  // metric (kLogitDiff, kProbDiff, kKlDiv, kNll; kExact any), ablation, memory; the rest unset
};

// A part of an attribution that is done, so that it can go on after it: a micro-batch of pairs, or, of kExact, a
// receiver.
struct AttributionStep {
  int64_t pairs_done = 0;      // with this step
  int64_t receivers_done = 0;  // of kExact: from the logits down
  // What the step adds to the sums over pairs, [receiver, sender]; of kExact the scores of its receiver's senders.
  std::vector<double> sums;
  int64_t steps_left = 0;
};

struct AttributionCallbacks {
  Checkpoint checkpoint;                                // before each forward pass; may be empty
  std::function<void(const AttributionStep&)> on_step;  // in order, each that was not made before; may be empty
};

// INVALID_ARGUMENT names the field: "steps", "metric" that has no gradient, "ablation" that the method can't take.
absl::Status ValidateAttribution(const AttributionOptions& options);

// Of validated options. Threads and errors as EdgeScorer's; `made` are steps of an earlier run, from its first one on:
// they stand, and DATA_LOSS names the first that is amiss. FAILED_PRECONDITION if a score is not finite.
absl::StatusOr<EdgeScores> AttributeEdges(const Model& model, const PromptPairs& pairs,
                                          const AttributionOptions& options, const AttributionCallbacks& callbacks,
                                          absl::Span<const AttributionStep> made = {});

struct AttributionCost {
  int64_t steps = 0;
  int64_t micro_batch_prompts = 0;
  int64_t memory_bytes = 0;
  double flops = 0;
};

// kRandom, which runs nothing, is a step.
AttributionCost EstimateAttribution(const Model& model, const PromptPairs& pairs, const AttributionOptions& options);

}  // namespace circuitd
