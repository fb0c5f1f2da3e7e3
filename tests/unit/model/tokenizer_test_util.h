// What the tests of the tokenizer share: a folder of small files to fill and damage, and what a tokenizer says.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "server/model/tokenizer.h"
#include "server/model/tokenizer_byte_alphabet.h"

namespace circuitd {

// A folder of tokenizer files that goes away with the test.
class TokenizerTest : public ::testing::Test {
 protected:
  TokenizerTest() {
    std::string pattern = ::testing::TempDir() + "/tokenizer_test_XXXXXX";
    folder_ = mkdtemp(pattern.data());
  }
  ~TokenizerTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& name, const std::string& text) const {
    std::ofstream(std::filesystem::path(folder_) / name, std::ios::binary) << text;
  }

  // Ids 0-255 are the single bytes, 256 "ab", 257 " ab" (with a space), 258 "<|endoftext|>".
  static nlohmann::json SmallVocabulary() {
    nlohmann::json vocab;
    for (int byte = 0; byte < 256; ++byte) vocab[SpellBytes(std::string(1, static_cast<char>(byte)))] = byte;
    vocab["ab"] = 256;
    vocab["Ġab"] = 257;
    vocab["<|endoftext|>"] = 258;
    return vocab;
  }
  static constexpr char kSmallMerges[] = "#version: 0.2\na b\nĠ ab\n";

  static nlohmann::json SmallTokenizerJson() {
    return {{"version", "1.0"},
            {"truncation", nullptr},
            {"padding", nullptr},
            {"added_tokens",
             {{{"id", 258},
               {"content", "<|endoftext|>"},
               {"single_word", false},
               {"lstrip", false},
               {"rstrip", false},
               {"normalized", true},
               {"special", true}}}},
            {"normalizer", nullptr},
            {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}}},
            {"post_processor", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", false}}},
            {"decoder", {{"type", "ByteLevel"}}},
            {"model",
             {{"type", "BPE"},
              {"dropout", nullptr},
              {"unk_token", nullptr},
              {"continuing_subword_prefix", ""},
              {"end_of_word_suffix", ""},
              {"fuse_unk", false},
              {"vocab", SmallVocabulary()},
              {"merges", nlohmann::json::array({"a b", "Ġ ab"})}}}};
  }

  // The status of loading the small files with one of them replaced.
  absl::Status LoadWith(const std::string& name, const std::string& text) const {
    Write("vocab.json", SmallVocabulary().dump());
    Write("merges.txt", kSmallMerges);
    Write(name, text);
    return Tokenizer::Load(folder_).status();
  }
  absl::Status LoadWithVocabulary(const nlohmann::json& vocab) const { return LoadWith("vocab.json", vocab.dump()); }
  // The status of loading SmallTokenizerJson with the value at a JSON pointer replaced.
  absl::Status LoadJsonWith(const std::string& pointer, const nlohmann::json& value) const {
    nlohmann::json root = SmallTokenizerJson();
    root[nlohmann::json::json_pointer(pointer)] = value;
    Write("tokenizer.json", root.dump());
    return Tokenizer::Load(folder_).status();
  }

  std::unique_ptr<Tokenizer> Load() const {
    auto tokenizer = Tokenizer::Load(folder_);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
  }
  std::unique_ptr<Tokenizer> LoadSmall() const {
    Write("vocab.json", SmallVocabulary().dump());
    Write("merges.txt", kSmallMerges);
    return Load();
  }

  std::string folder_;
};

inline std::vector<int> Ids(const Tokenizer& tokenizer, const std::string& text) {
  auto ids = tokenizer.Encode(text);
  EXPECT_TRUE(ids.ok()) << ids.status();
  return ids.value_or(std::vector<int>{});
}

inline std::string Decoded(const Tokenizer& tokenizer, const std::vector<int>& ids) {
  std::string text;
  for (const int id : ids) text += tokenizer.TokenBytes(id);
  return text;
}

}  // namespace circuitd
