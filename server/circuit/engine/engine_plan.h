// What the fast engine of node pruning may keep within a memory budget.
#pragma once

#include <cstdint>
#include <optional>

#include "server/circuit/engine/chunk_run.h"
#include "server/circuit/node_pruning.h"
#include "server/model/config.h"

namespace circuitd {

struct EngineLoad {
  int64_t prompts = 0;  // clean ones
  int64_t tokens = 0;   // of all of them
  int64_t longest = 0;  // tokens of the longest prompt
  int sets = 1;         // of prompts that candidates run: the clean ones, and maybe the corrupted ones
  bool on_cpu = true;
  std::optional<int64_t> chunk_prompts = {};  // at most these run side by side, even where there is room for more
};

EngineLoad EngineLoadOf(const Gpt2& network, const PromptPairs& pairs, const NodePruningOptions& options);

struct EnginePlan {
  int64_t copy_bytes = 0;        // of copies of weights, see EngineWeights
  bool pack_candidates = false;  // see there
  int64_t chunk_tokens = 0;      // of clean prompts that run side by side: a multiple of the longest's, at least one
  Keeps keeps;
};

// Most valuable first: copies of weights (half of the budget at most), the candidates' layer, some borders, its
// product, all borders. `shrink` halves the chunks so many times and keeps the less.
EnginePlan PlanEngine(const ModelConfig& config, const EngineLoad& load, int64_t budget_bytes, int shrink);

// Whether a larger `shrink` leaves something out.
bool CanShrink(const EngineLoad& load, const EnginePlan& plan);

// Bytes that a plan takes at most.
int64_t PlannedBytes(const ModelConfig& config, const EngineLoad& load, const EnginePlan& plan);

}  // namespace circuitd
