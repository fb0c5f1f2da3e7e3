// Validation of forward passes, apart from torch.
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/forward.h"

namespace circuitd {
namespace {

bool IsToken(int d_vocab, int64_t token) { return token >= 0 && token < d_vocab; }

absl::Status NoSuchToken(int d_vocab, absl::string_view field, int64_t token) {
  return InvalidField(field, absl::StrCat(token, ", d_vocab is ", d_vocab, " (0-", d_vocab - 1, ")"));
}

absl::Status ValidateMetric(const ModelConfig& config, const ForwardRequest& request) {
  if (!request.metric) {
    if (request.answers.empty()) return absl::OkStatus();
    return InvalidField("answers", absl::StrCat(request.answers.size(), ", without a metric nothing uses them"));
  }
  if (*request.metric == Metric::kKlDiv) {
    return InvalidField("metric", "KL divergence, there is no other run to compare with");
  }
  return ValidateAnswers(config, request.answers, request.prompts.size(), NeedsIncorrect(*request.metric));
}

}  // namespace

absl::Status ValidateToken(const ModelConfig& config, absl::string_view field, int64_t token) {
  return IsToken(config.d_vocab, token) ? absl::OkStatus() : NoSuchToken(config.d_vocab, field, token);
}

absl::Status ValidateTokens(int d_vocab, absl::string_view field, absl::Span<const int> tokens) {
  for (size_t k = 0; k < tokens.size(); ++k) {
    if (!IsToken(d_vocab, tokens[k])) return NoSuchToken(d_vocab, absl::StrCat(field, "[", k, "]"), tokens[k]);
  }
  return absl::OkStatus();
}

absl::Status ValidatePrompts(const ModelConfig& config, absl::string_view field,
                             const std::vector<std::vector<int>>& prompts) {
  if (prompts.empty()) return InvalidField(field, "none, at least 1 is needed");
  for (size_t i = 0; i < prompts.size(); ++i) {
    const std::string name = absl::StrCat(field, "[", i, "]");
    if (prompts[i].empty()) return InvalidField(name, "0 tokens, at least 1 is needed");
    if (prompts[i].size() > static_cast<size_t>(config.n_ctx)) {
      return InvalidField(name, absl::StrCat(prompts[i].size(), " tokens, n_ctx is ", config.n_ctx));
    }
    RETURN_IF_ERROR(ValidateTokens(config.d_vocab, absl::StrCat(name, ".tokens.ids"), prompts[i]));
  }
  return absl::OkStatus();
}

absl::Status ValidateAnswers(const ModelConfig& config, absl::Span<const Answer> answers, size_t prompt_count,
                             bool needs_incorrect) {
  if (answers.size() != prompt_count) {
    return InvalidField("answers",
                        absl::StrCat(answers.size(), ", one for each of the ", prompt_count, " prompts is needed"));
  }
  for (size_t i = 0; i < answers.size(); ++i) {
    const std::string correct = absl::StrCat("answers[", i, "].correct");
    const std::string incorrect = absl::StrCat("answers[", i, "].incorrect");
    if (answers[i].correct.empty()) return InvalidField(correct, "none, at least 1 is needed");
    if (needs_incorrect && answers[i].incorrect.empty()) return InvalidField(incorrect, "none, at least 1 is needed");
    RETURN_IF_ERROR(ValidateTokens(config.d_vocab, correct, answers[i].correct));
    RETURN_IF_ERROR(ValidateTokens(config.d_vocab, incorrect, answers[i].incorrect));
  }
  return absl::OkStatus();
}

absl::Status ValidateForward(const ModelConfig& config, const ForwardRequest& request) {
  RETURN_IF_ERROR(ValidatePrompts(config, "prompts", request.prompts));
  RETURN_IF_ERROR(ValidateTokens(config.d_vocab, "logits.chosen_tokens", request.logits.chosen_tokens));
  RETURN_IF_ERROR(WithFieldPrefix("capture", ValidateCapture(config, request.capture, request.prompts, request.roles)));
  return ValidateMetric(config, request);
}

}  // namespace circuitd
