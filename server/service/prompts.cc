#include "server/service/prompts.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd {
namespace {

absl::Status Asked(const Checkpoint& checkpoint) { return checkpoint ? checkpoint() : absl::OkStatus(); }

absl::Status CheckPromptCount(const PromptList& prompts, absl::string_view field, int max_prompts) {
  if (prompts.size() <= max_prompts) return absl::OkStatus();
  return FieldError(absl::StatusCode::kResourceExhausted, field,
                    absl::StrCat(prompts.size(), " prompts, max_prompts_per_request is ", max_prompts));
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
    ASSIGN_OR_RETURN(std::vector<int> tokens, TokenizePrompt(prompts[i], FieldAt(field, i), model, limits));
    all.push_back(std::move(tokens));
  }
  return all;
}

absl::StatusOr<std::vector<int>> TokenizeSingles(const PromptList& prompts, absl::string_view field, const Model& model,
                                                 MultiTokenAnswers several, const PromptLimits& limits) {
  std::vector<int> tokens;
  tokens.reserve(prompts.size());
  for (int i = 0; i < prompts.size(); ++i) {
    RETURN_IF_ERROR(Asked(limits.checkpoint));
    ASSIGN_OR_RETURN(const int token, TokenizeSingle(prompts[i], FieldAt(field, i), model, several, limits));
    tokens.push_back(token);
  }
  return tokens;
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
    ASSIGN_OR_RETURN(const std::vector<int> tokens, TokenizePrompt(prompts[i], FieldAt("prompts", i), model,
                                                                   {max_prompts, most_tokens, most_tokens, {}}));
    v1::TokenList& list = *response.add_prompts();
    left -= kTokenOverhead;
    for (const int token : tokens) {
      *list.add_tokens() = ToProto(token, model);
      left -= kTokenOverhead + static_cast<int64_t>(list.tokens(list.tokens_size() - 1).text().size());
      if (left < 0) break;
    }
    if (left < 0) {
      return InvalidField(FieldAt("prompts", i),
                          absl::StrCat("the reply would have more than ", max_bytes,
                                       " bytes, which is max_message_bytes; send fewer prompts"));
    }
  }
  return absl::OkStatus();
}

v1::Token ToProto(int token, const Model& model) {
  v1::Token proto;
  proto.set_id(static_cast<uint32_t>(token));
  if (model.tokenizer() != nullptr) proto.set_text(model.tokenizer()->TokenBytes(token));
  return proto;
}

std::string FieldAt(absl::string_view field, int index) { return absl::StrCat(field, "[", index, "]"); }

}  // namespace circuitd
