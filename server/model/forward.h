// Forward passes for the RPC layer: prompts in, chosen logits out, in micro-batches within a memory budget.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/checkpoint.h"
#include "server/model/host_tensor.h"
#include "server/model/model.h"

namespace circuitd {

enum class LogitsPositions { kNone, kLast, kAll };

// What to answer about each prompt, at its last position.
struct LogitsSelection {
  int top_k = 0;
  std::vector<int> chosen_tokens;
  LogitsPositions full_logits = LogitsPositions::kNone;
};

struct TokenLogit {
  int token = 0;
  float logit = 0;
  float log_prob = 0;
};

struct PromptLogits {
  std::vector<TokenLogit> top;     // most likely first; equal logits by id
  std::vector<TokenLogit> chosen;  // in the order of LogitsSelection::chosen_tokens
};

// Takes a finished tensor ("logits/3": prompt 3's, [pos, d_vocab] float32). An error stops the run.
using TensorSink = std::function<absl::Status(std::string name, HostTensor tensor)>;

struct ForwardOptions {
  int64_t memory_budget_bytes = int64_t{1} << 30;  // of activations
  Checkpoint checkpoint;                           // may be empty
};

// INVALID_ARGUMENT, naming prompt, position and bound, for no prompts at all, an empty prompt, one longer than n_ctx,
// or an id outside the vocabulary. `field` is how the request spells the list: "prompts".
absl::Status ValidatePrompts(const ModelConfig& config, absl::string_view field,
                             const std::vector<std::vector<int>>& prompts);

// Runs prompts of any lengths, right-padded; a prompt's answer does not depend on its neighbours. The result has one
// entry a prompt; `sink` is called for selection.full_logits, in order of prompts. Call on the device's worker.
// RESOURCE_EXHAUSTED if not even one prompt fits in memory.
absl::StatusOr<std::vector<PromptLogits>> RunForward(const Model& model, const std::vector<std::vector<int>>& prompts,
                                                     const LogitsSelection& selection, const ForwardOptions& options,
                                                     const TensorSink& sink);

// Bytes that `sink` would get from such a run.
int64_t FullLogitsBytes(const ModelConfig& config, const std::vector<std::vector<int>>& prompts,
                        LogitsPositions positions);

}  // namespace circuitd
