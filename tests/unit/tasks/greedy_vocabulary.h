// What the tests of generated tasks share: vocabularies that know their words, and looking into a pair.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/tasks/word_lists.h"
#include "tests/unit/tasks/prompt_files.h"

namespace circuitd {

// At each place of a text the longest token that fits, and single characters elsewhere.
class GreedyTokenizer : public ToyTokenizer {
 public:
  explicit GreedyTokenizer(const std::vector<std::string>& tokens) : ToyTokenizer(tokens) {}
  absl::StatusOr<std::vector<int>> Encode(absl::string_view text) const override {
    std::vector<int> ids;
    while (!text.empty()) {
      int longest = static_cast<unsigned char>(text[0]);
      size_t bytes = 1;
      for (int id = 256; id < size(); ++id) {
        const std::string token = TokenBytes(id);
        if (token.size() > bytes && text.substr(0, token.size()) == absl::string_view(token)) {
          longest = id;
          bytes = token.size();
        }
      }
      ids.push_back(longest);
      text.remove_prefix(bytes);
    }
    return ids;
  }
};

struct GreedyModel {
  explicit GreedyModel(const std::vector<std::string>& tokens, int n_ctx = 256) : tokenizer(tokens) {
    config.n_ctx = n_ctx;
    config.d_vocab = tokenizer.size();
  }
  ModelVocabulary vocabulary() const { return {&tokenizer, &config}; }

  GreedyTokenizer tokenizer;
  ModelConfig config;
};

inline std::vector<std::string> AfterSpace(const std::vector<std::string>& words, size_t count) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < count && i < words.size(); ++i) tokens.push_back(" " + words[i]);
  return tokens;
}

inline void Append(std::vector<std::string>& tokens, const std::vector<std::string>& more) {
  tokens.insert(tokens.end(), more.begin(), more.end());
}

// Just enough for IOI, greater-than and docstring.
inline std::vector<std::string> SmallTaskTokens() {
  std::vector<std::string> tokens = AfterSpace(FirstNames(), 5);
  for (const auto* words : {&PlaceWords(), &ObjectWords(), &EventWords()}) Append(tokens, AfterSpace(*words, 1));
  Append(tokens, AfterSpace(ArgumentNames(), 7));
  Append(tokens, AfterSpace(DescriptionWords(), 7));
  for (int i = 0; i < 7; ++i) tokens.push_back(DescriptionWords()[i]);
  for (const char* century : {" 11", " 17"}) tokens.push_back(century);
  for (int year = 0; year < 100; ++year) tokens.push_back(absl::StrCat(absl::Dec(year, absl::kZeroPad2)));
  return tokens;
}

// GPT-2's, and one that is just enough.
inline std::vector<ModelVocabulary> TaskVocabularies() {
  static const auto& small = *new GreedyModel(SmallTaskTokens());
  return {small.vocabulary(), Gpt2Vocabulary::Get()};
}

inline std::string CleanText(const ModelVocabulary& model, const PromptPair& pair) {
  return Decode(*model.tokenizer, pair.clean);
}

inline std::string CorruptedText(const ModelVocabulary& model, const PromptPair& pair) {
  return Decode(*model.tokenizer, pair.corrupted);
}

// The clean prompt's token that has the role, without a space before it.
inline std::string CleanWord(const ModelVocabulary& model, const PromptPair& pair, const std::string& role) {
  const std::string bytes = model.tokenizer->TokenBytes(pair.clean.at(pair.roles.at(role)));
  return bytes.substr(bytes.find_first_not_of(' '));
}

inline std::string CorruptedWord(const ModelVocabulary& model, const PromptPair& pair, const std::string& role) {
  const std::string bytes = model.tokenizer->TokenBytes(pair.corrupted.at(pair.roles.at(role)));
  return bytes.substr(bytes.find_first_not_of(' '));
}

}  // namespace circuitd
