// Tokenizer files that contradict, are not supported or are hostile are refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "server/model/tokenizer.h"
#include "tests/unit/model/tokenizer_test_util.h"

namespace circuitd {
namespace {

using ::nlohmann::json;
using ::testing::HasSubstr;

MATCHER_P(FailsWith, message, "") {
  *result_listener << arg.ToString();
  return arg.code() == absl::StatusCode::kFailedPrecondition &&
         ::testing::ExplainMatchResult(::testing::StartsWith(message), std::string(arg.message()), result_listener);
}

TEST_F(TokenizerTest, FolderWithoutFilesIsNotFound) {
  EXPECT_EQ(Tokenizer::Load(folder_).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(TokenizerTest, RejectsHalfOfTheFiles) {
  Write("vocab.json", SmallVocabulary().dump());
  EXPECT_THAT(Tokenizer::Load(folder_).status(), FailsWith("merges.txt: missing"));
  std::filesystem::rename(folder_ + "/vocab.json", folder_ + "/merges.txt");
  EXPECT_THAT(Tokenizer::Load(folder_).status(), FailsWith("vocab.json: missing"));
}

TEST_F(TokenizerTest, RejectsFolderInPlaceOfFile) {
  std::filesystem::create_directory(folder_ + "/tokenizer.json");
  EXPECT_THAT(Tokenizer::Load(folder_).status(), FailsWith("tokenizer.json: "));
}

TEST_F(TokenizerTest, RejectsVocabularyThatIsNotJson) {
  EXPECT_THAT(LoadWith("vocab.json", ""), FailsWith("vocab.json: "));
  EXPECT_THAT(LoadWith("vocab.json", R"({"a": 1)"), FailsWith("vocab.json: "));
  EXPECT_THAT(LoadWith("vocab.json", R"({1: "a"})"), FailsWith("vocab.json: "));
  EXPECT_THAT(LoadWith("vocab.json", "{\"\xFF\": 1}"), FailsWith("vocab.json: "));
  EXPECT_THAT(LoadWith("vocab.json", R"(["a", "b"])"), FailsWith("vocab.json: array, must be an object"));
  EXPECT_THAT(LoadWith("vocab.json", std::string(1 << 20, '[')), FailsWith("vocab.json: "));
}

TEST_F(TokenizerTest, RejectsKeyThatIsThereTwice) {
  EXPECT_THAT(LoadWith("vocab.json", R"({"a": 1, "a": 2})"), FailsWith("vocab.json: "));
}

TEST_F(TokenizerTest, RejectsIdsThatAreNone) {
  const auto with_id = [](const json& id) {
    json vocab = SmallVocabulary();
    vocab["ab"] = id;
    return vocab;
  };
  EXPECT_THAT(LoadWithVocabulary(with_id(-1)), FailsWith("vocab.json: token \"ab\": id -1, must be 0-1048575"));
  EXPECT_THAT(LoadWithVocabulary(with_id(1048576)), FailsWith("vocab.json: token \"ab\": id 1048576, must be 0-"));
  EXPECT_THAT(LoadWithVocabulary(with_id(UINT64_MAX)), FailsWith("vocab.json: token \"ab\": id "));
  EXPECT_THAT(LoadWithVocabulary(with_id(INT64_MIN)), FailsWith("vocab.json: token \"ab\": id "));
  EXPECT_THAT(LoadWithVocabulary(with_id(1.5)), FailsWith("vocab.json: token \"ab\": its id is no whole number"));
  EXPECT_THAT(LoadWithVocabulary(with_id("7")), FailsWith("vocab.json: token \"ab\": its id is no whole number"));
  EXPECT_THAT(LoadWithVocabulary(with_id(nullptr)), FailsWith("vocab.json: token \"ab\": its id is no whole number"));
  EXPECT_THAT(LoadWithVocabulary(with_id(5)).message(), HasSubstr("id 5 is also the token"));
}

TEST_F(TokenizerTest, RejectsSpellingsThatAreNone) {
  json vocab = SmallVocabulary();
  vocab["a b"] = 300;
  EXPECT_THAT(LoadWithVocabulary(vocab), FailsWith("vocab.json: token \"a b\" is not spelt in the alphabet"));
  vocab = SmallVocabulary();
  vocab["日本"] = 300;
  EXPECT_THAT(LoadWithVocabulary(vocab), FailsWith("vocab.json: token \"日本\" is not spelt in the alphabet"));
  vocab = SmallVocabulary();
  vocab[""] = 300;
  EXPECT_THAT(LoadWithVocabulary(vocab), FailsWith("vocab.json: token \"\" is empty"));
}

TEST_F(TokenizerTest, RejectsVocabularyWithoutSingleBytes) {
  json vocab = SmallVocabulary();
  vocab.erase("Ġ");
  vocab.erase("Z");
  Write("merges.txt", "");
  Write("vocab.json", vocab.dump());
  EXPECT_THAT(
      Tokenizer::Load(folder_).status(),
      FailsWith("vocab.json: 2 of the 256 single-byte tokens are missing, the first of them \"Ġ\" (byte 0x20)"));
  Write("vocab.json", "{}");
  EXPECT_THAT(Tokenizer::Load(folder_).status(), FailsWith("vocab.json: 256 of the 256 single-byte tokens"));
}

TEST_F(TokenizerTest, RejectsMergesByLine) {
  EXPECT_THAT(LoadWith("merges.txt", "a b\nĠ zz\n"),
              FailsWith("merges.txt: line 2: merge of \"Ġ\" and \"zz\": \"zz\" is not in the vocabulary"));
  EXPECT_THAT(LoadWith("merges.txt", "a c\n"),
              FailsWith("merges.txt: line 1: merge of \"a\" and \"c\": \"ac\" is not in the vocabulary"));
  EXPECT_THAT(LoadWith("merges.txt", "#version: 0.2\na b\n\na b\n"),
              FailsWith("merges.txt: line 4: merge of \"a\" and \"b\": is there twice"));
  EXPECT_THAT(LoadWith("merges.txt", "ab\n"), FailsWith("merges.txt: line 1: \"ab\" is not two tokens"));
  EXPECT_THAT(LoadWith("merges.txt", "a b c\n"), FailsWith("merges.txt: line 1: \"a b c\" is not two tokens"));
  EXPECT_THAT(LoadWith("merges.txt", " ab\n"), FailsWith("merges.txt: line 1: merge of \"\" and \"ab\": a part is"));
  EXPECT_THAT(LoadWith("merges.txt", "a \xFF\n"), FailsWith("merges.txt: line 1: merge of \"a\" and \"\\xff\": "));
  EXPECT_THAT(LoadWith("merges.txt", std::string(1 << 20, 'a')), FailsWith("merges.txt: line 1: \"aaa"));
}

TEST_F(TokenizerTest, RejectsFileOverTheLimit) {
  Write("merges.txt", kSmallMerges);
  Write("vocab.json", "{");
  std::filesystem::resize_file(folder_ + "/vocab.json", uintmax_t{1} << 40);
  EXPECT_THAT(Tokenizer::Load(folder_).status(), FailsWith("vocab.json: "));
}

TEST_F(TokenizerTest, RejectsAddedTokensThatContradict) {
  EXPECT_THAT(LoadWith("added_tokens.json", R"({"<x>": 256})"), FailsWith("vocab.json: token \"ab\": id 256 is also"));
  EXPECT_THAT(LoadWith("added_tokens.json", R"({"ab": 300})"),
              FailsWith("vocab.json: token \"ab\": id 256, but as an added token it has id 300"));
  EXPECT_THAT(LoadWith("added_tokens.json", R"({"": 300})"), FailsWith("added_tokens.json: added token is empty"));
  EXPECT_THAT(LoadWith("added_tokens.json", R"({"x": -1})"), FailsWith("added_tokens.json: token \"x\": its id"));
  EXPECT_THAT(LoadWith("added_tokens.json", R"({"x": 1e300})"), FailsWith("added_tokens.json: token \"x\": its id"));
}

TEST_F(TokenizerTest, RejectsTokenizerConfigThatAddsToTexts) {
  EXPECT_TRUE(LoadWith("tokenizer_config.json", R"({"model_max_length": 1024, "add_prefix_space": false})").ok());
  EXPECT_THAT(LoadWith("tokenizer_config.json", R"({"add_prefix_space": true})"),
              FailsWith("tokenizer_config.json: add_prefix_space: true is not supported, must be false"));
  EXPECT_THAT(LoadWith("tokenizer_config.json", R"({"add_bos_token": true})"),
              FailsWith("tokenizer_config.json: add_bos_token: true"));
}

TEST_F(TokenizerTest, RejectsTokenizerJsonOfOtherKindsByName) {
  const auto rejects = [&](const std::string& pointer, const json& value, const std::string& message) {
    EXPECT_THAT(LoadJsonWith(pointer, value), FailsWith("tokenizer.json: " + message)) << pointer << " " << value;
  };
  rejects("/normalizer", {{"type", "NFC"}}, "normalizer: ");
  rejects("/pre_tokenizer", nullptr, "pre_tokenizer: ");
  rejects("/pre_tokenizer/type", "Whitespace", "pre_tokenizer: ");
  rejects("/pre_tokenizer/add_prefix_space", true, "pre_tokenizer.add_prefix_space: true");
  rejects("/pre_tokenizer/use_regex", false, "pre_tokenizer.use_regex: false");
  rejects("/pre_tokenizer/behavior", "Isolated", "pre_tokenizer: key \"behavior\"");
  rejects("/post_processor", {{"type", "RobertaProcessing"}}, "post_processor: ");
  rejects("/post_processor", {{"type", "TemplateProcessing"}}, "post_processor: ");
  rejects("/post_processor",
          {{"type", "TemplateProcessing"},
           {"single", {{{"SpecialToken", {{"id", "<|endoftext|>"}}}}, {{"Sequence", {{"id", "A"}}}}}}},
          "post_processor: ");
  rejects("/model", nullptr, "model: null");
  rejects("/model/type", "Unigram", "model.type: \"Unigram\"");
  rejects("/model/dropout", 0.1, "model.dropout: 0.1");
  rejects("/model/unk_token", "<unk>", "model.unk_token: \"<unk>\"");
  rejects("/model/continuing_subword_prefix", "##", "model.continuing_subword_prefix: \"##\"");
  rejects("/model/end_of_word_suffix", "</w>", "model.end_of_word_suffix: \"</w>\"");
  rejects("/model/byte_fallback", true, "model.byte_fallback: true");
  rejects("/model/ignore_merges", true, "model.ignore_merges: true");
  rejects("/model/scores", json::array(), "model: key \"scores\"");
  rejects("/model/vocab", json::array(), "model.vocab: ");
  rejects("/model/merges", "a b", "model.merges: ");
  rejects("/surprise", 1, "key \"surprise\"");
  rejects("/added_tokens", "x", "added_tokens: ");
}

TEST_F(TokenizerTest, RejectsEntriesOfTokenizerJsonByName) {
  const auto rejects = [&](const std::string& pointer, const json& value, const std::string& message) {
    EXPECT_THAT(LoadJsonWith(pointer, value), FailsWith("tokenizer.json: " + message)) << pointer << " " << value;
  };
  rejects("/model/vocab/ab", -1, "model.vocab: token \"ab\": id -1");
  rejects("/model/vocab/a", 98, "model.vocab: token ");
  rejects("/model/merges/1", "a zz", "model.merges[1]: merge of \"a\" and \"zz\"");
  rejects("/model/merges/1", "azz", "model.merges[1]: \"azz\" is not two tokens");
  rejects("/model/merges/1", json::array({"a"}), "model.merges[1]: ");
  rejects("/model/merges/1", json::array({"a", 1}), "model.merges[1]: ");
  rejects("/model/merges/1", 7, "model.merges[1]: 7");
  rejects("/added_tokens/0", "x", "added_tokens[0]: ");
  rejects("/added_tokens/0/id", "x", "added_tokens[0]: ");
  rejects("/added_tokens/0/id", -5, "added_tokens[0]: ");
  rejects("/added_tokens/0/id", UINT64_MAX, "added_tokens[0]: ");
  rejects("/added_tokens/0/content", "", "added_tokens[0]: ");
  rejects("/added_tokens/0/lstrip", true, "added_tokens[0].lstrip: true");
  rejects("/added_tokens/0/normalized", "no", "added_tokens[0].normalized: \"no\"");
  rejects("/added_tokens/0/id", 259, "model.vocab: token \"<|endoftext|>\": id 258, but as an added token");
  rejects("/added_tokens/1", {{"id", 300}, {"content", "<|endoftext|>"}}, "added_tokens[1]: ");
}

}  // namespace
}  // namespace circuitd
