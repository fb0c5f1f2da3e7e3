// What heads write and look for by their weights alone: OV and QK scores from the embedding after MLP 0 (arXiv
// 2311.04131, section 4; Wang et al. 2022, arXiv 2211.00593, section 3).
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/forward.h"
#include "server/model/model.h"
#include "server/model/position_selector.h"

namespace circuitd {

struct HeadCircuitRequest {
  std::vector<std::vector<int>> prompts;
  std::vector<PromptRoles> roles;  // one a prompt, or none
  PositionSelector positions;
  std::vector<int> sequence;  // members in order, each once
  int top_k = 5;              // of OV scores
};

// INVALID_ARGUMENT naming the field: as ValidatePrompts; positions as SelectPositions; members outside the vocabulary
// or there twice; top_k that is not 1-1000.
absl::Status ValidateHeadCircuit(const ModelConfig& config, const HeadCircuitRequest& request);

// [n_layers, n_heads]
struct OvScores {
  std::vector<double> copy;     // the share of positions whose token is among the top_k (equal logits by id) it writes
  std::vector<double> next;     // the same of the member after the position's; NaN if none has one
  uint64_t position_count = 0;  // positions read
  uint64_t member_count = 0;    // of them, with a next member
};

// Of a validated request. At each of the positions the residual stream after layer 0 goes through the head's ln1, W_V
// with b_V, and W_O, through ln_final and W_U. Threads and errors as RunForward.
absl::StatusOr<OvScores> ScoreOv(const Model& model, const HeadCircuitRequest& request, const ForwardOptions& options);

struct QkScores {
  std::vector<int> members;  // those of the sequence that stand at one of the positions, in order
  HostTensor scores;         // float32 [n_layers, n_heads, query, key]: q . k as attention scales it
  std::vector<double> same;  // [n_layers, n_heads]: share of members whose highest key is the member itself
  // The same of the sequence's member before it, over members whose predecessor is found; NaN if none is.
  std::vector<double> previous;
};

// Of a validated request. The residual stream after layer 0, averaged over a member's positions, goes through the
// head's ln1 and W_Q, W_K with their biases. FAILED_PRECONDITION if fewer than two members are found. Threads and
// errors as RunForward.
absl::StatusOr<QkScores> ScoreQk(const Model& model, const HeadCircuitRequest& request, const ForwardOptions& options);

}  // namespace circuitd
