// What the tests of prompt sets share: a toy tokenizer, and the shared material.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "server/model/tokenizer.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

inline constexpr char kShared[] = CIRCUITD_SOURCE_DIR "/../shared";

// Words with the space before them, and single characters elsewhere: " one" is a token, "one" is one if asked for.
class ToyTokenizer : public Tokenizer {
 public:
  explicit ToyTokenizer(const std::vector<std::string>& tokens) {
    for (const std::string& token : tokens) {
      if (ids_.emplace(token, 256 + static_cast<int>(words_.size())).second) words_.push_back(token);
    }
  }
  absl::StatusOr<std::vector<int>> Encode(absl::string_view text) const override {
    std::vector<int> ids;
    while (!text.empty()) {
      const size_t end = text.find_first_of(" .", 1);
      const auto word = ids_.find(std::string(text.substr(0, end)));
      if (word != ids_.end()) {
        ids.push_back(word->second);
        text.remove_prefix(word->first.size());
      } else {
        ids.push_back(static_cast<unsigned char>(text[0]));
        text.remove_prefix(1);
      }
    }
    return ids;
  }
  std::string TokenBytes(int id) const override {
    if (id < 0 || id >= ToyTokenizer::size()) return "";
    return id < 256 ? std::string(1, static_cast<char>(id)) : words_[id - 256];
  }
  int size() const override { return 256 + static_cast<int>(words_.size()); }

 private:
  std::map<std::string, int> ids_;
  std::vector<std::string> words_;  // by id - 256
};

// A model whose vocabulary is the toy tokenizer's.
struct ToyModel {
  explicit ToyModel(const std::vector<std::string>& tokens, int n_ctx = 64) : tokenizer(tokens) {
    config.n_ctx = n_ctx;
    config.d_vocab = tokenizer.size();
  }
  ModelVocabulary vocabulary() const { return {&tokenizer, &config}; }

  ToyTokenizer tokenizer;
  ModelConfig config;
};

// GPT-2's vocabulary.
class Gpt2Vocabulary {
 public:
  static ModelVocabulary Get() {
    static const auto& loaded = *new Gpt2Vocabulary;
    return {loaded.tokenizer_.get(), &loaded.config_};
  }

 private:
  Gpt2Vocabulary() {
    auto tokenizer = Tokenizer::Load(std::string(kShared) + "/models/gpt2-tokenizer");
    EXPECT_TRUE(tokenizer.ok()) << "needs " << kShared << "/models/gpt2-tokenizer: " << tokenizer.status();
    if (tokenizer.ok()) tokenizer_ = *std::move(tokenizer);
    config_.n_ctx = 1024;
    config_.d_vocab = 50257;
  }
  std::unique_ptr<Tokenizer> tokenizer_;
  ModelConfig config_;
};

inline std::string ReadPrompts(const std::string& name) {
  std::ifstream file(std::string(kShared) + "/prompts/" + name);
  EXPECT_TRUE(file) << "needs " << kShared << "/prompts/" << name;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline std::string Decode(const Tokenizer& tokenizer, const std::vector<int>& ids) {
  std::string text;
  for (const int id : ids) text += tokenizer.TokenBytes(id);
  return text;
}

// "CODE: message" of a failure; "" if there was none.
template <typename T>
std::string Failure(const absl::StatusOr<T>& result) {
  if (result.ok()) return "";
  return absl::StrCat(absl::StatusCodeToString(result.status().code()), ": ", result.status().message());
}

}  // namespace circuitd
