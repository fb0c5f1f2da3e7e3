#include <algorithm>
#include <vector>

#include "server/circuit/node_pruning.h"
#include "server/model/micro_batch.h"

namespace circuitd {

PruningCost EstimatePruningCost(const ModelConfig& config, const PromptPairs& pairs, const NodePruningOptions& options,
                                DType dtype) {
  PruningCost cost;
  // The first backward sweep tries every node, and the forward sweep at most every node again.
  cost.candidates_per_iteration = 2 * int64_t{config.n_layers} * (config.n_heads + 1);

  std::vector<std::vector<int>> prompts;
  for (const PromptPair& pair : pairs) prompts.push_back(pair.clean);
  for (const MicroBatch& batch :
       SplitIntoMicroBatches(config, prompts, options.memory_budget_bytes, DTypeSize(dtype))) {
    const int64_t size = batch.end - batch.begin;
    size_t longest = 0;
    for (size_t i = batch.begin; i < batch.end; ++i) longest = std::max(longest, prompts[i].size());
    cost.micro_batch_prompts = std::max(cost.micro_batch_prompts, size);
    cost.memory_bytes = std::max(cost.memory_bytes, ActivationBytes(config, size, longest, DTypeSize(dtype)));
    // Two operations a weight and token, attention's two products, and the unembedding of the last position.
    const double block = 4.0 * config.d_model * config.d_model + 2.0 * config.d_model * config.d_mlp;
    const double token = 2 * config.n_layers * (block + 2.0 * longest * config.d_model);
    const double clean = size * (longest * token + 2.0 * config.d_model * config.d_vocab);
    // At most one run on the corrupted prompts a candidate.
    const double corrupted = options.means == MlpMeans::kSeqcont ? size * longest * token : 0;
    cost.flops_per_iteration += cost.candidates_per_iteration * (clean + corrupted);
  }
  return cost;
}

}  // namespace circuitd
