#include "server/service/prompts.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/service/convert.h"

namespace circuitd {
namespace {

constexpr int kMaxTopK = 1000;
constexpr int kMaxChosenTokens = 1000;

std::string At(absl::string_view field, int index) { return absl::StrCat(field, "[", index, "]"); }

absl::StatusOr<int> TokenizeSingle(const v1::Prompt& prompt, absl::string_view field, const Model& model,
                                   MultiTokenAnswers several) {
  ASSIGN_OR_RETURN(const std::vector<int> tokens, TokenizePrompt(prompt, field, model));
  if (tokens.size() != 1 && (tokens.empty() || several == MultiTokenAnswers::kReject)) {
    return InvalidField(field, absl::StrCat(tokens.size(), " tokens, must be exactly one"));
  }
  return tokens.front();
}

absl::StatusOr<std::vector<int>> TokenizeAnswer(const PromptList& prompts, const std::string& field, const Model& model,
                                                MultiTokenAnswers several) {
  std::vector<int> tokens;
  for (int i = 0; i < prompts.size(); ++i) {
    ASSIGN_OR_RETURN(const int token, TokenizeSingle(prompts[i], At(field, i), model, several));
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

absl::StatusOr<std::vector<int>> TokenizePrompt(const v1::Prompt& prompt, absl::string_view field, const Model& model) {
  switch (prompt.input_case()) {
    case v1::Prompt::kText: {
      const std::string text_field = absl::StrCat(field, ".text");
      if (model.tokenizer() == nullptr) {
        return FieldError(absl::StatusCode::kFailedPrecondition, text_field,
                          absl::StrCat("model ", model.name(), " has no tokenizer; send token ids (tokens.ids)"));
      }
      absl::StatusOr<std::vector<int>> tokens = model.tokenizer()->Encode(prompt.text());
      if (!tokens.ok()) return WithFieldPrefix(text_field, tokens.status());
      return tokens;
    }
    case v1::Prompt::kTokens: {
      std::vector<int> tokens;
      const auto& ids = prompt.tokens().ids();
      tokens.reserve(ids.size());
      for (int i = 0; i < ids.size(); ++i) {
        const int d_vocab = model.config().d_vocab;
        if (ids[i] >= static_cast<uint32_t>(d_vocab)) {
          return InvalidField(absl::StrCat(field, ".tokens.ids[", i, "]"),
                              absl::StrCat("token ", ids[i], ", model has ", d_vocab, " (0-", d_vocab - 1, ")"));
        }
        tokens.push_back(static_cast<int>(ids[i]));
      }
      return tokens;
    }
    case v1::Prompt::INPUT_NOT_SET:
      break;
  }
  return InvalidField(field, "has neither text nor tokens");
}

absl::StatusOr<std::vector<std::vector<int>>> TokenizePrompts(const PromptList& prompts, absl::string_view field,
                                                              const Model& model, int max_prompts) {
  if (prompts.size() > max_prompts) {
    return InvalidField(field, absl::StrCat(prompts.size(), " prompts, max_prompts_per_request is ", max_prompts));
  }
  std::vector<std::vector<int>> all;
  all.reserve(prompts.size());
  for (int i = 0; i < prompts.size(); ++i) {
    ASSIGN_OR_RETURN(std::vector<int> tokens, TokenizePrompt(prompts[i], At(field, i), model));
    all.push_back(std::move(tokens));
  }
  return all;
}

absl::StatusOr<LogitsSelection> ConvertSelection(const v1::LogitsSelection& proto, const Model& model) {
  LogitsSelection selection;
  const uint32_t most = std::min(kMaxTopK, model.config().d_vocab);
  if (proto.top_k() > most) {
    return InvalidField("logits.top_k", absl::StrCat(proto.top_k(), ", must be 0-", most,
                                                     most < kMaxTopK ? " (the model's d_vocab)" : ""));
  }
  selection.top_k = static_cast<int>(proto.top_k());
  if (proto.chosen_tokens_size() > kMaxChosenTokens) {
    return InvalidField("logits.chosen_tokens",
                        absl::StrCat(proto.chosen_tokens_size(), ", must be at most ", kMaxChosenTokens));
  }
  ASSIGN_OR_RETURN(selection.chosen_tokens,
                   TokenizeAnswer(proto.chosen_tokens(), "logits.chosen_tokens", model, MultiTokenAnswers::kReject));
  ASSIGN_OR_RETURN(selection.full_logits, FromProto(proto.full_logits(), "logits.full_logits"));
  return selection;
}

absl::StatusOr<PatchedRunRequest> ConvertPatchedRun(const v1::RunPatchedRequest& proto, const Model& model,
                                                    int max_prompts) {
  PatchedRunRequest request;
  ASSIGN_OR_RETURN(request.prompts, TokenizePrompts(proto.prompts(), "prompts", model, max_prompts));
  ASSIGN_OR_RETURN(request.source_prompts,
                   TokenizePrompts(proto.source_prompts(), "source_prompts", model, max_prompts));
  for (int i = 0; i < proto.interventions_size(); ++i) {
    absl::StatusOr<Intervention> intervention = ConvertIntervention(proto.interventions(i), model.config());
    if (!intervention.ok()) return WithFieldPrefix(At("interventions", i), intervention.status());
    request.interventions.push_back(*std::move(intervention));
  }
  ASSIGN_OR_RETURN(request.logits, ConvertSelection(proto.logits(), model));
  ASSIGN_OR_RETURN(request.metric, FromProto(proto.metric(), "metric"));
  ASSIGN_OR_RETURN(const MultiTokenAnswers several, FromProto(proto.multi_token_answers(), "multi_token_answers"));
  if (proto.answers_size() > max_prompts) {
    return InvalidField("answers", absl::StrCat(proto.answers_size(), ", must be at most one for each prompt"));
  }
  for (int i = 0; i < proto.answers_size(); ++i) {
    const std::string field = At("answers", i);
    Answer answer;
    ASSIGN_OR_RETURN(answer.correct,
                     TokenizeAnswer(proto.answers(i).correct(), absl::StrCat(field, ".correct"), model, several));
    ASSIGN_OR_RETURN(answer.incorrect,
                     TokenizeAnswer(proto.answers(i).incorrect(), absl::StrCat(field, ".incorrect"), model, several));
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
