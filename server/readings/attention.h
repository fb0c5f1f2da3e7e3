// Attention patterns, and how much each head looks like the known kinds of heads.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/forward.h"
#include "server/model/model.h"

namespace circuitd {

struct AttentionRequest {
  std::vector<std::vector<int>> prompts;
  std::vector<int> layers, heads;  // empty: all
  bool mean_pattern = false;       // wants prompts of one length
  bool patterns = false;
  bool attn_scores = false;
};

// All [layers, heads], means over prompts; NaN where no prompt has such a key. A prompt's score is the mean, over the
// query positions that have such keys, of the attention on all of these keys together.
struct AttentionScores {
  std::vector<int> layers, heads;
  std::vector<double> previous_token;   // on the position before
  std::vector<double> duplicate_token;  // on earlier positions with the query's token
  std::vector<double> induction;  // on positions right after earlier ones with the query's token (arXiv 2209.11895)
};

// INVALID_ARGUMENT naming the field: as ValidatePrompts; layers and heads out of range or there twice; mean_pattern
// with prompts of different lengths.
absl::Status ValidateAttention(const ModelConfig& config, const AttentionRequest& request);

// Host memory that a validated request's answer takes at most, beside the run's micro-batches: the tensors that `sink`
// gets, and for the mean its float64 sums and a layer more, which are over twice its own float32 bytes.
int64_t AttentionBytes(const ModelConfig& config, const AttentionRequest& request);

// Memory that a validated request's run takes at most beside that: one micro-batch.
int64_t AttentionRunBytes(const Model& model, const AttentionRequest& request, int64_t memory_budget_bytes);

// Of a validated request. `sink` gets, float32 and [layers, heads, query, key] each, "pattern/{prompt}" and
// "attn_scores/{prompt}" prompt by prompt, and last "pattern/mean". Threads and errors as RunForward.
absl::StatusOr<AttentionScores> ReadAttention(const Model& model, const AttentionRequest& request,
                                              const ForwardOptions& options, const TensorSink& sink);

}  // namespace circuitd
