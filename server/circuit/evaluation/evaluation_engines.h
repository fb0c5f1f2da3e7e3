// Which engines an evaluation runs on, and the meter over them.
#pragma once

#include <memory>

#include "base/checkpoint.h"
#include "server/circuit/edges/edge_scorer.h"
#include "server/circuit/evaluation/circuit_meter.h"
#include "server/circuit/evaluation/evaluation.h"
#include "server/circuit/node_pruning.h"

namespace circuitd {

struct EvaluationEngines {
  // Node circuits with kMean and kLogitDiff are run as node pruning runs them, all others as edge-masked runs.
  bool nodes = false;
  bool edges = false;
  // What each engine takes; where there are two, each has half of the memory.
  NodePruningOptions node_options;
  EdgeScorerOptions edge_options;
};

EvaluationEngines EnginesOf(const EvaluationRequest& request);

// Engines start when something is asked of them. Where the model's logit difference is not positive, which node pruning
// has no scores for, means=clean goes on with edge-masked runs, which give the same; means=seqcont fails. All arguments
// but `engines` have to outlive the meter.
std::unique_ptr<CircuitMeter> NewCircuitMeter(const Model& model, const PromptPairs& pairs,
                                              const EvaluationEngines& engines, const Checkpoint& checkpoint);

}  // namespace circuitd
