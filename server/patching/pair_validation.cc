#include "server/patching/pair_validation.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/forward.h"

namespace circuitd {
namespace {

absl::Status ValidateAnswer(const ModelConfig& config, absl::string_view field, const std::vector<int>& tokens,
                            bool needed) {
  if (tokens.empty() && needed) return InvalidField(field, "none, the metric needs at least 1");
  return ValidateTokens(config.d_vocab, field, tokens);
}

absl::Status ValidatePair(const ModelConfig& config, const PromptPair& pair, Metric metric) {
  if (pair.clean.empty()) return InvalidField("clean", "0 tokens, at least 1 is needed");
  if (pair.clean.size() > static_cast<size_t>(config.n_ctx)) {
    return InvalidField("clean", absl::StrCat(pair.clean.size(), " tokens, n_ctx is ", config.n_ctx));
  }
  if (pair.corrupted.empty()) return InvalidField("corrupted", "none, patching needs one for each clean prompt");
  if (pair.corrupted.size() != pair.clean.size()) {
    return InvalidField("corrupted",
                        absl::StrCat(pair.corrupted.size(), " tokens, its clean prompt has ", pair.clean.size()));
  }
  RETURN_IF_ERROR(ValidateTokens(config.d_vocab, "clean", pair.clean));
  RETURN_IF_ERROR(ValidateTokens(config.d_vocab, "corrupted", pair.corrupted));
  RETURN_IF_ERROR(ValidateAnswer(config, "correct", pair.correct, NeedsAnswers(metric)));
  return ValidateAnswer(config, "incorrect", pair.incorrect, NeedsIncorrect(metric));
}

}  // namespace

absl::Status ValidatePairs(const ModelConfig& config, const PromptPairs& pairs, Metric metric) {
  if (pairs.empty()) return InvalidField("prompts", "none, at least 1 pair is needed");
  for (size_t i = 0; i < pairs.size(); ++i) {
    if (const absl::Status status = ValidatePair(config, pairs[i], metric); !status.ok()) {
      return WithFieldPrefix(absl::StrCat("prompts[", i, "]"), status);
    }
  }
  return absl::OkStatus();
}

absl::Status ValidateValueCount(absl::string_view field, uint64_t runs, const PromptPairs& pairs) {
  if (runs <= kMaxPatchedValues / pairs.size()) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(runs, " patched runs of ", pairs.size(), " pairs, at most ",
                                          kMaxPatchedValues, " values (runs x pairs) are answered"));
}

}  // namespace circuitd
