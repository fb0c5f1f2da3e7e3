#include "server/service/stored_prompts.h"

#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace circuitd {
namespace {

void SetTokens(const std::vector<int>& tokens, v1::Prompt& prompt) {
  prompt.mutable_tokens()->mutable_ids()->Assign(tokens.begin(), tokens.end());
}

// An answer's tokens, each a prompt of its own.
void AddTokens(const std::vector<int>& tokens, google::protobuf::RepeatedPtrField<v1::Prompt>& prompts) {
  for (const int token : tokens) SetTokens({token}, *prompts.Add());
}

std::vector<int> TokensOf(const v1::Prompt& prompt) {
  return {prompt.tokens().ids().begin(), prompt.tokens().ids().end()};
}

std::vector<int> TokensOf(const google::protobuf::RepeatedPtrField<v1::Prompt>& prompts) {
  std::vector<int> tokens;
  for (const v1::Prompt& prompt : prompts) {
    for (const uint32_t id : prompt.tokens().ids()) tokens.push_back(static_cast<int>(id));
  }
  return tokens;
}

}  // namespace

v1::PromptSource StorePairs(const PromptPairs& pairs) {
  v1::PromptSource source;
  v1::InlinePrompts& prompts = *source.mutable_inline_();
  for (const PromptPair& pair : pairs) {
    SetTokens(pair.clean, *prompts.add_clean());
    SetTokens(pair.corrupted, *prompts.add_corrupted());
    v1::Answer& answer = *prompts.add_answers();
    AddTokens(pair.correct, *answer.mutable_correct());
    AddTokens(pair.incorrect, *answer.mutable_incorrect());
  }
  return source;
}

absl::StatusOr<PromptPairs> StoredPairs(const v1::PromptSource& source, const ModelConfig& config, PairNeeds needs) {
  const v1::InlinePrompts& prompts = source.inline_();
  const int count = prompts.clean_size();
  if (count == 0 || prompts.corrupted_size() != count || prompts.answers_size() != count) {
    return absl::DataLossError("the stored prompts are damaged");
  }
  PromptPairs pairs;
  for (int begin = 0; begin < count; begin += kMaxNumSamples) {
    PromptPairs some;
    for (int i = begin; i < std::min(count, begin + kMaxNumSamples); ++i) {
      PromptPair pair;
      pair.clean = TokensOf(prompts.clean(i));
      pair.corrupted = TokensOf(prompts.corrupted(i));
      pair.correct = TokensOf(prompts.answers(i).correct());
      pair.incorrect = TokensOf(prompts.answers(i).incorrect());
      some.push_back(std::move(pair));
    }
    if (const absl::Status status = ValidatePairs(config, some, needs, "stored"); !status.ok()) {
      return absl::DataLossError(absl::StrCat("the stored prompts are damaged: ", status.message()));
    }
    pairs.insert(pairs.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
  return pairs;
}

}  // namespace circuitd
