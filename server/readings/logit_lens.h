// The logit lens (nostalgebraist 2020): the residual stream between layers, unembedded.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/forward.h"
#include "server/model/metric.h"
#include "server/model/model.h"
#include "server/model/position_selector.h"

namespace circuitd {

struct LogitLensRequest {
  std::vector<std::vector<int>> prompts;
  std::vector<PromptRoles> roles;             // one a prompt, or none
  std::vector<Answer> answers;                // one a prompt, or none
  std::optional<PositionSelector> positions;  // nullopt: the last one
  bool skip_ln_final = false;
  int top_k = 0;
  std::vector<int> chosen_tokens;
};

struct LensPosition {
  int position = 0;
  std::vector<PromptLogits> layers;  // n_layers + 1: before each layer, and after the last
};

struct LensPrompt {
  std::vector<LensPosition> positions;
  // With answers: the first of the n_layers + 1 stages from which on the mean logit of the correct tokens stays above
  // that of the incorrect ones, at the last position; nullopt if it is not above after the last layer.
  std::optional<int> handover;
  std::vector<double> logit_diff;  // with answers: [n_layers + 1], at the last position
};

// "blocks.0.hook_resid_pre" …, and the last layer's hook_resid_post: what the n_layers + 1 stages are.
std::vector<std::string> LensHooks(const ModelConfig& config);

// INVALID_ARGUMENT naming the field: prompts as ValidatePrompts, positions as SelectPositions, tokens outside the
// vocabulary, answers that are not one a prompt.
absl::Status ValidateLogitLens(const ModelConfig& config, const LogitLensRequest& request);

// Of a validated request: one entry a prompt. With skip_ln_final the residual stream meets W_U as it is. Threads and
// errors as RunForward.
absl::StatusOr<std::vector<LensPrompt>> RunLogitLens(const Model& model, const LogitLensRequest& request,
                                                     const ForwardOptions& options);

}  // namespace circuitd
