// What the readings refuse before they run.
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/index_validation.h"
#include "server/model/position_selector.h"
#include "server/readings/attention.h"
#include "server/readings/head_circuits.h"
#include "server/readings/logit_attribution.h"
#include "server/readings/logit_lens.h"

namespace circuitd {
namespace {

absl::Status ValidatePositions(const PositionSelector& positions, const std::vector<std::vector<int>>& prompts,
                               const std::vector<PromptRoles>& roles) {
  return WithFieldPrefix("positions", SelectPositionsOfAll(positions, prompts, roles).status());
}

}  // namespace

absl::Status ValidateLogitLens(const ModelConfig& config, const LogitLensRequest& request) {
  RETURN_IF_ERROR(ValidatePrompts(config, "prompts", request.prompts));
  if (request.positions) {
    RETURN_IF_ERROR(ValidatePositions(*request.positions, request.prompts, request.roles));
  }
  RETURN_IF_ERROR(ValidateTokens(config.d_vocab, "chosen_tokens", request.chosen_tokens));
  if (request.answers.empty()) return absl::OkStatus();
  return ValidateAnswers(config, request.answers, request.prompts.size(), /*needs_incorrect=*/true);
}

absl::Status ValidateLogitAttribution(const ModelConfig& config, const std::vector<std::vector<int>>& prompts,
                                      const std::vector<Answer>& answers) {
  RETURN_IF_ERROR(ValidatePrompts(config, "prompts", prompts));
  return ValidateAnswers(config, answers, prompts.size(), /*needs_incorrect=*/true);
}

absl::Status ValidateAttention(const ModelConfig& config, const AttentionRequest& request) {
  RETURN_IF_ERROR(ValidatePrompts(config, "prompts", request.prompts));
  RETURN_IF_ERROR(ValidateIndices("layers", request.layers, config.n_layers));
  RETURN_IF_ERROR(ValidateIndices("heads", request.heads, config.n_heads));
  if (!request.mean_pattern) return absl::OkStatus();
  const size_t length = request.prompts[0].size();
  for (size_t i = 1; i < request.prompts.size(); ++i) {
    if (request.prompts[i].size() == length) continue;
    return InvalidField("mean_pattern", absl::StrCat("prompts[", i, "] has ", request.prompts[i].size(),
                                                     " tokens, prompts[0] has ", length, "; all must be equally long"));
  }
  return absl::OkStatus();
}

absl::Status ValidateHeadCircuit(const ModelConfig& config, const HeadCircuitRequest& request) {
  RETURN_IF_ERROR(ValidatePrompts(config, "prompts", request.prompts));
  RETURN_IF_ERROR(ValidatePositions(request.positions, request.prompts, request.roles));
  RETURN_IF_ERROR(ValidateTokens(config.d_vocab, "sequence", request.sequence));
  std::set<int> seen;
  for (size_t k = 0; k < request.sequence.size(); ++k) {
    if (seen.insert(request.sequence[k]).second) continue;
    return InvalidField(absl::StrCat("sequence[", k, "]"), absl::StrCat(request.sequence[k], " is there twice"));
  }
  if (request.top_k < 1 || request.top_k > 1000) {
    return InvalidField("top_k", absl::StrCat(request.top_k, ", must be 1-1000"));
  }
  return absl::OkStatus();
}

}  // namespace circuitd
