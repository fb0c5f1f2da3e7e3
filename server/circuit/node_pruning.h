// Greedy node pruning: Lan, Torr and Barez (arXiv 2311.04131), section 3.
//
// Start from all heads and MLPs. A backward sweep goes through the layers from last to first, in each layer the MLP and
// then the heads; a forward sweep from first to last, heads and then the MLP. Each node still in the circuit is ablated
// together with all that are out already; if 100 - score < threshold, it leaves. Sweeps alternate until one removes
// nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/checkpoint.h"
#include "server/circuit/node_scorer.h"
#include "server/graph/node.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

// Where the mean mlp_out of an ablated MLP comes from; ablated heads always get the unablated model's mean z.
enum class MlpMeans {
  kSeqcont,  // a run on the corrupted prompts with the candidate's heads ablated and all MLPs kept, as published
  kClean,    // the unablated model's run on the corrupted prompts
};

// How candidates are scored. Decisions are the same, and scores to rounding.
enum class PruningEngine {
  kFast,   // server/circuit/engine/fast_node_scorer.h
  kPlain,  // whole forward passes: the reference, and what models in half precision are always run with
};

enum class SweepDirection { kBackward, kForward };

struct NodePruningOptions {
  PruningEngine engine = PruningEngine::kFast;
  MlpMeans means = MlpMeans::kSeqcont;
  double threshold = 20;                           // points of the score
  std::optional<int> max_iterations;               // a backward and a forward sweep each
  int64_t memory_budget_bytes = int64_t{2} << 30;  // of activations and of copies of weights for faster products
  // PruningCost::micro_batch_prompts of an earlier run that this one goes on with, whose sums it takes in the same
  // order whatever its own budget; fewer only if so many do not fit. At least 1.
  std::optional<int64_t> micro_batch_prompts;
};

struct PruningDecision {
  int64_t index = 0;
  Node node;
  double score = 0;  // of the circuit without the node, percent of the unablated model's logit difference
  bool removed = false;
  int iteration = 0;
  SweepDirection direction = SweepDirection::kBackward;
  int heads_kept = 0;  // after the decision
  int mlps_kept = 0;
  int64_t candidates_left = 0;  // of this iteration, at most
};

struct NodePruningResult {
  NodeSet circuit;
  double score = 0;
  double full_logit_diff = 0;
  int64_t decision_count = 0;
  bool converged = false;  // false: stopped at max_iterations
};

struct NodePruningCallbacks {
  Checkpoint checkpoint;                                    // before each forward pass; may be empty
  std::function<void(const PruningDecision&)> on_decision;  // in order, each that was not made before; may be empty
};

// Runs the whole pruning on the calling thread, the device's worker. The prompts may have any mixture of lengths; means
// at a position are over the corrupted prompts that have it. FAILED_PRECONDITION with the value if the unablated logit
// difference is not finite and positive; RESOURCE_EXHAUSTED if not even one prompt fits in memory; a checkpoint's error
// as it is.
//
// `made` are decisions of an earlier run of the same pruning, from its first one on. They stand: they are neither
// scored again nor handed to on_decision, and the result counts them. DATA_LOSS, naming the first that is amiss, if
// they are not decisions that this pruning makes.
absl::StatusOr<NodePruningResult> PruneNodes(const Model& model, const PromptPairs& pairs,
                                             const NodePruningOptions& options, const NodePruningCallbacks& callbacks,
                                             absl::Span<const PruningDecision> made = {});

// What PruneNodes scores with: the engine of `options`, which remembers what it has scored. Errors as PruneNodes's;
// `model`, `pairs` and `checkpoint` have to outlive it.
absl::StatusOr<std::unique_ptr<NodeScorer>> NewNodeScorer(const Model& model, const PromptPairs& pairs,
                                                          const NodePruningOptions& options,
                                                          const Checkpoint& checkpoint);

// Whether the fast engine is what runs.
bool RunsFast(const Model& model, const NodePruningOptions& options);

struct PruningCost {
  int64_t candidates_per_iteration = 0;
  int64_t micro_batch_prompts = 0;  // that run side by side; see NodePruningOptions
  int64_t memory_bytes = 0;         // of activations and copies of weights, at most
  double flops_per_iteration = 0;   // floating-point operations if every node stayed
};

PruningCost EstimatePruningCost(const Model& model, const PromptPairs& pairs, const NodePruningOptions& options);

}  // namespace circuitd
