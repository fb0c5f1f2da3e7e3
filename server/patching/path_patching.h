// Path patching (Wang et al. 2022, arXiv 2211.00593; Goldowsky-Dill et al. 2023, arXiv 2304.05969) along single edges.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/graph/node.h"
#include "server/model/forward.h"
#include "server/model/metric.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"
#include "server/patching/patching_sweep.h"

namespace circuitd {

enum class PathFreeze {
  kAll,    // every other head and MLP keeps its clean output: the direct path
  kHeads,  // heads do; MLPs between sender and receiver are recomputed
};

// Senders and receivers as server/graph/node.h has them.
struct PathPatchingRequest {
  PromptPairs pairs;
  std::vector<Node> senders;  // empty: all of which a receiver reads
  std::vector<Node> receivers;
  PathFreeze freeze = PathFreeze::kAll;
  bool senders_together = false;
  Metric metric = Metric::kLogitDiff;
};

struct PathEffect {
  std::optional<Node> sender;  // nullopt: all senders of the receiver at once
  Node receiver;
  double mean = 0;
  std::vector<double> per_prompt;
};

struct PathPatchingResult {
  // Receiver by receiver as in the request; the senders as in the request, or in forward order (embed; in each layer
  // heads, then the MLP).
  std::vector<PathEffect> paths;
  std::vector<double> clean;  // the metric of each prompt's unpatched runs
  std::vector<double> corrupted;
};

// INVALID_ARGUMENT naming the field: no receivers, senders or receivers of the wrong kind, out of range or there twice,
// a sender that is not below one of the receivers (a head is below the MLP of its layer), pairs without corrupted
// prompts or without answers that the metric needs.
absl::Status ValidatePathPatching(const ModelConfig& config, const PathPatchingRequest& request);

// A validated request's runs. All other senders' outputs are the clean run's, the sender's is the corrupted run's; the
// receiver's input is recomputed from that, its LayerNorm too; the clean run goes on with only that input changed.
// kKlDiv compares with the clean run. Threads and errors as RunForward.
absl::StatusOr<PathPatchingResult> RunPathPatching(const Model& model, const PathPatchingRequest& request,
                                                   const ForwardOptions& options, const PatchingProgress& progress);

// Patched runs that a request counts.
uint64_t PathPatchingRuns(const ModelConfig& config, const PathPatchingRequest& request);

}  // namespace circuitd
