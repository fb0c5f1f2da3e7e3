#include "server/service/prompts.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/service/convert.h"
#include "server/tasks/distinct_tokens.h"

namespace circuitd {
namespace {

constexpr uint32_t kMaxTopK = 1000;
constexpr int kMaxChosenTokens = 1000;

std::string At(absl::string_view field, int index) { return absl::StrCat(field, "[", index, "]"); }

absl::Status Asked(const Checkpoint& checkpoint) { return checkpoint ? checkpoint() : absl::OkStatus(); }

absl::Status CheckPromptCount(const PromptList& prompts, absl::string_view field, int max_prompts) {
  if (prompts.size() <= max_prompts) return absl::OkStatus();
  return InvalidField(field, absl::StrCat(prompts.size(), " prompts, max_prompts_per_request is ", max_prompts));
}

std::string OutsideVocabulary(int64_t id, const ModelConfig& config) {
  return absl::StrCat(id, ", d_vocab is ", config.d_vocab, " (0-", config.d_vocab - 1, ")");
}

absl::Status CheckTokenCount(size_t tokens, absl::string_view field, const ModelConfig& config,
                             const PromptLimits& limits) {
  if (static_cast<int64_t>(tokens) <= limits.max_tokens) return absl::OkStatus();
  if (limits.max_tokens == config.n_ctx) {
    return InvalidField(field, absl::StrCat(tokens, " tokens, n_ctx is ", config.n_ctx));
  }
  return InvalidField(field, absl::StrCat(tokens, " tokens, must be at most ", limits.max_tokens));
}

absl::StatusOr<std::vector<int>> TokenizeText(const std::string& text, absl::string_view field, const Model& model,
                                              const PromptLimits& limits) {
  const std::string text_field = absl::StrCat(field, ".text");
  const Tokenizer* tokenizer = model.tokenizer();
  if (tokenizer == nullptr) {
    return FieldError(absl::StatusCode::kFailedPrecondition, text_field,
                      absl::StrCat("model ", model.name(), " has no tokenizer; send token ids (tokens.ids)"));
  }
  if (static_cast<int64_t>(text.size()) > limits.max_text_bytes) {
    return InvalidField(text_field, absl::StrCat(text.size(), " bytes, must be at most ", limits.max_text_bytes));
  }
  absl::StatusOr<std::vector<int>> tokens = tokenizer->Encode(text);
  if (!tokens.ok()) return WithFieldPrefix(text_field, tokens.status());
  RETURN_IF_ERROR(CheckTokenCount(tokens->size(), field, model.config(), limits));
  for (const int id : *tokens) {
    // Tokens may be added to a tokenizer without the model's knowing.
    if (id < 0 || id >= model.config().d_vocab) {
      return FieldError(absl::StatusCode::kFailedPrecondition, text_field,
                        absl::StrCat("the tokenizer's token \"", tokenizer->TokenBytes(id), "\" is ",
                                     OutsideVocabulary(id, model.config())));
    }
  }
  return tokens;
}

absl::StatusOr<int> TokenizeSingle(const v1::Prompt& prompt, absl::string_view field, const Model& model,
                                   MultiTokenAnswers several, const PromptLimits& limits) {
  ASSIGN_OR_RETURN(const std::vector<int> tokens, TokenizePrompt(prompt, field, model, limits));
  if (tokens.size() != 1 && (tokens.empty() || several == MultiTokenAnswers::kReject)) {
    return InvalidField(field, absl::StrCat(tokens.size(), " tokens, must be exactly one"));
  }
  return tokens.front();
}

absl::StatusOr<std::vector<int>> TokenizeAnswer(const PromptList& prompts, const std::string& field, const Model& model,
                                                MultiTokenAnswers several, const PromptLimits& limits) {
  std::vector<int> tokens;
  for (int i = 0; i < prompts.size(); ++i) {
    RETURN_IF_ERROR(Asked(limits.checkpoint));
    ASSIGN_OR_RETURN(const int token, TokenizeSingle(prompts[i], At(field, i), model, several, limits));
    tokens.push_back(token);
  }
  return tokens;
}

absl::StatusOr<Intervention> ConvertIntervention(const v1::Intervention& proto, const ModelConfig& config) {
  Intervention intervention;
  if (proto.hook().empty()) return InvalidField("hook", "must be set");
  absl::StatusOr<HookPoint> hook = ParseHookPoint(proto.hook(), config.n_layers);
  if (!hook.ok()) return FieldOf(hook.status()) ? hook.status() : WithFieldPrefix("hook", hook.status());
  intervention.hook = *hook;
  for (const uint32_t head : proto.heads()) {
    intervention.heads.push_back(static_cast<int>(std::min<uint32_t>(head, std::numeric_limits<int>::max())));
  }
  intervention.positions.assign(proto.positions().begin(), proto.positions().end());
  ASSIGN_OR_RETURN(intervention.ablation, FromProto(proto.ablation(), "ablation"));
  return intervention;
}

}  // namespace

PromptLimits RunLimits(const ModelConfig& config, int max_prompts, Checkpoint checkpoint) {
  // GPT-2's longest token has 128.
  constexpr int64_t kMostTokenBytes = 256;
  return {max_prompts, kMostTokenBytes * config.n_ctx, config.n_ctx, std::move(checkpoint)};
}

absl::StatusOr<std::vector<int>> TokenizePrompt(const v1::Prompt& prompt, absl::string_view field, const Model& model,
                                                const PromptLimits& limits) {
  switch (prompt.input_case()) {
    case v1::Prompt::kText:
      return TokenizeText(prompt.text(), field, model, limits);
    case v1::Prompt::kTokens: {
      const auto& ids = prompt.tokens().ids();
      RETURN_IF_ERROR(CheckTokenCount(ids.size(), field, model.config(), limits));
      for (int i = 0; i < ids.size(); ++i) {
        if (ids[i] >= static_cast<uint32_t>(model.config().d_vocab)) {
          return InvalidField(absl::StrCat(field, ".tokens.ids[", i, "]"), OutsideVocabulary(ids[i], model.config()));
        }
      }
      return std::vector<int>(ids.begin(), ids.end());
    }
    case v1::Prompt::INPUT_NOT_SET:
      break;
  }
  return InvalidField(field, "has neither text nor tokens");
}

absl::StatusOr<std::vector<std::vector<int>>> TokenizePrompts(const PromptList& prompts, absl::string_view field,
                                                              const Model& model, const PromptLimits& limits) {
  RETURN_IF_ERROR(CheckPromptCount(prompts, field, limits.max_prompts));
  std::vector<std::vector<int>> all;
  all.reserve(prompts.size());
  for (int i = 0; i < prompts.size(); ++i) {
    RETURN_IF_ERROR(Asked(limits.checkpoint));
    ASSIGN_OR_RETURN(std::vector<int> tokens, TokenizePrompt(prompts[i], At(field, i), model, limits));
    all.push_back(std::move(tokens));
  }
  return all;
}

absl::Status TokenizeInto(const PromptList& prompts, const Model& model, int max_prompts, int64_t max_bytes,
                          const Checkpoint& checkpoint, v1::TokenizeResponse& response) {
  RETURN_IF_ERROR(CheckPromptCount(prompts, "prompts", max_prompts));
  // A token's id and lengths take at most this much, and each byte of a text may be a token.
  constexpr int64_t kTokenOverhead = 15;
  int64_t left = max_bytes;
  for (int i = 0; i < prompts.size(); ++i) {
    RETURN_IF_ERROR(Asked(checkpoint));
    const int64_t most_tokens = left / (kTokenOverhead + 1);
    ASSIGN_OR_RETURN(const std::vector<int> tokens,
                     TokenizePrompt(prompts[i], At("prompts", i), model, {max_prompts, most_tokens, most_tokens, {}}));
    v1::TokenList& list = *response.add_prompts();
    left -= kTokenOverhead;
    for (const int token : tokens) {
      *list.add_tokens() = ToProto(token, model);
      left -= kTokenOverhead + static_cast<int64_t>(list.tokens(list.tokens_size() - 1).text().size());
      if (left < 0) break;
    }
    if (left < 0) {
      return InvalidField(At("prompts", i), absl::StrCat("the reply would have more than ", max_bytes,
                                                         " bytes, which is max_message_bytes; send fewer prompts"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<LogitsSelection> ConvertSelection(const v1::LogitsSelection& proto, const Model& model,
                                                 const PromptLimits& limits) {
  LogitsSelection selection;
  if (proto.top_k() > kMaxTopK) {
    return InvalidField("logits.top_k", absl::StrCat(proto.top_k(), ", must be 0-", kMaxTopK));
  }
  // A model with a smaller vocabulary answers with all of it.
  selection.top_k = std::min(static_cast<int>(proto.top_k()), model.config().d_vocab);
  if (proto.chosen_tokens_size() > kMaxChosenTokens) {
    return InvalidField("logits.chosen_tokens",
                        absl::StrCat(proto.chosen_tokens_size(), ", must be at most ", kMaxChosenTokens));
  }
  ASSIGN_OR_RETURN(selection.chosen_tokens, TokenizeAnswer(proto.chosen_tokens(), "logits.chosen_tokens", model,
                                                           MultiTokenAnswers::kReject, limits));
  ASSIGN_OR_RETURN(selection.full_logits, FromProto(proto.full_logits(), "logits.full_logits"));
  return selection;
}

absl::StatusOr<PatchedRunRequest> ConvertPatchedRun(const v1::RunPatchedRequest& proto, const Model& model,
                                                    const PromptLimits& limits) {
  PatchedRunRequest request;
  ASSIGN_OR_RETURN(request.prompts, TokenizePrompts(proto.prompts(), "prompts", model, limits));
  ASSIGN_OR_RETURN(request.source_prompts, TokenizePrompts(proto.source_prompts(), "source_prompts", model, limits));
  for (int i = 0; i < proto.interventions_size(); ++i) {
    absl::StatusOr<Intervention> intervention = ConvertIntervention(proto.interventions(i), model.config());
    if (!intervention.ok()) return WithFieldPrefix(At("interventions", i), intervention.status());
    request.interventions.push_back(*std::move(intervention));
  }
  ASSIGN_OR_RETURN(request.logits, ConvertSelection(proto.logits(), model, limits));
  ASSIGN_OR_RETURN(request.metric, FromProto(proto.metric(), "metric"));
  ASSIGN_OR_RETURN(const MultiTokenAnswers several, FromProto(proto.multi_token_answers(), "multi_token_answers"));
  if (proto.answers_size() > limits.max_prompts) {
    return InvalidField("answers", absl::StrCat(proto.answers_size(), ", must be at most one for each prompt"));
  }
  for (int i = 0; i < proto.answers_size(); ++i) {
    const std::string field = At("answers", i);
    Answer answer;
    ASSIGN_OR_RETURN(answer.correct, TokenizeAnswer(proto.answers(i).correct(), absl::StrCat(field, ".correct"), model,
                                                    several, limits));
    ASSIGN_OR_RETURN(answer.incorrect, TokenizeAnswer(proto.answers(i).incorrect(), absl::StrCat(field, ".incorrect"),
                                                      model, several, limits));
    answer.correct = DistinctTokens(std::move(answer.correct));
    answer.incorrect = DistinctTokens(std::move(answer.incorrect));
    request.answers.push_back(std::move(answer));
  }
  return request;
}

v1::Token ToProto(int token, const Model& model) {
  v1::Token proto;
  proto.set_id(static_cast<uint32_t>(token));
  if (model.tokenizer() != nullptr) proto.set_text(model.tokenizer()->TokenBytes(token));
  return proto;
}

v1::PromptLogits ToProto(const PromptLogits& logits, size_t token_count, const Model& model) {
  v1::PromptLogits proto;
  proto.set_token_count(static_cast<uint32_t>(token_count));
  const auto fill = [&model](const TokenLogit& logit, v1::TokenLogit* out) {
    *out->mutable_token() = ToProto(logit.token, model);
    out->set_logit(logit.logit);
    out->set_log_prob(logit.log_prob);
  };
  for (const TokenLogit& logit : logits.top) fill(logit, proto.add_top());
  for (const TokenLogit& logit : logits.chosen) fill(logit, proto.add_chosen());
  return proto;
}

}  // namespace circuitd
