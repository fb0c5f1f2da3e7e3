// Byte-level BPE: GPT-2's own vocabulary against golden ids, small vocabularies against hand-made ones, hostile files.
#include "server/model/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/model/tokenizer_byte_alphabet.h"

namespace circuitd {
namespace {

using ::nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kShared[] = CIRCUITD_SOURCE_DIR "/../shared";

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
  static json SmallVocabulary() {
    json vocab;
    for (int byte = 0; byte < 256; ++byte) vocab[SpellBytes(std::string(1, static_cast<char>(byte)))] = byte;
    vocab["ab"] = 256;
    vocab["Ġab"] = 257;
    vocab["<|endoftext|>"] = 258;
    return vocab;
  }
  static constexpr char kSmallMerges[] = "#version: 0.2\na b\nĠ ab\n";

  static json SmallTokenizerJson() {
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
              {"merges", json::array({"a b", "Ġ ab"})}}}};
  }

  // The status of loading the small files with one of them replaced.
  absl::Status LoadWith(const std::string& name, const std::string& text) const {
    Write("vocab.json", SmallVocabulary().dump());
    Write("merges.txt", kSmallMerges);
    Write(name, text);
    return Tokenizer::Load(folder_).status();
  }
  absl::Status LoadWithVocabulary(const json& vocab) const { return LoadWith("vocab.json", vocab.dump()); }
  // The status of loading SmallTokenizerJson with the value at a JSON pointer replaced.
  absl::Status LoadJsonWith(const std::string& pointer, const json& value) const {
    json root = SmallTokenizerJson();
    root[json::json_pointer(pointer)] = value;
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

std::vector<int> Ids(const Tokenizer& tokenizer, const std::string& text) {
  auto ids = tokenizer.Encode(text);
  EXPECT_TRUE(ids.ok()) << ids.status();
  return ids.value_or(std::vector<int>{});
}

std::string Decoded(const Tokenizer& tokenizer, const std::vector<int>& ids) {
  std::string text;
  for (const int id : ids) text += tokenizer.TokenBytes(id);
  return text;
}

MATCHER_P(FailsWith, message, "") {
  *result_listener << arg.ToString();
  return arg.code() == absl::StatusCode::kFailedPrecondition &&
         ::testing::ExplainMatchResult(::testing::StartsWith(message), std::string(arg.message()), result_listener);
}

class Gpt2VocabularyTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto tokenizer = Tokenizer::Load(std::string(kShared) + "/models/gpt2-tokenizer");
    ASSERT_TRUE(tokenizer.ok()) << "needs " << kShared << "/models/gpt2-tokenizer: " << tokenizer.status();
    tokenizer_ = tokenizer->release();
  }
  static void TearDownTestSuite() {
    delete tokenizer_;
    tokenizer_ = nullptr;
  }
  static Tokenizer* tokenizer_;
};
Tokenizer* Gpt2VocabularyTest::tokenizer_ = nullptr;

TEST_F(Gpt2VocabularyTest, ReproducesGoldenIds) {
  std::ifstream golden(std::string(kShared) + "/golden/tokenizer.jsonl");
  ASSERT_TRUE(golden) << "needs " << kShared << "/golden/tokenizer.jsonl";
  int lines = 0;
  for (std::string line; std::getline(golden, line); ++lines) {
    const json row = json::parse(line);
    const auto ids = Ids(*tokenizer_, row["text"].get<std::string>());
    EXPECT_EQ(ids, row["ids"].get<std::vector<int>>()) << line;
    EXPECT_EQ(Decoded(*tokenizer_, ids), row["decoded"].get<std::string>()) << line;
  }
  EXPECT_GT(lines, 100);
}

TEST_F(Gpt2VocabularyTest, HasEveryToken) {
  EXPECT_EQ(tokenizer_->size(), 50257);
  EXPECT_EQ(tokenizer_->TokenBytes(220), " ");
  EXPECT_EQ(tokenizer_->TokenBytes(50256), "<|endoftext|>");
  EXPECT_EQ(tokenizer_->TokenBytes(50257), "");
  EXPECT_EQ(tokenizer_->TokenBytes(-1), "");
}

TEST_F(Gpt2VocabularyTest, EncodesMegabyteWithoutSpaces) {
  const std::string text(1 << 20, 'a');
  const auto ids = Ids(*tokenizer_, text);
  const auto aaaa = Ids(*tokenizer_, "aaaa");
  ASSERT_EQ(aaaa.size(), 1u);
  EXPECT_EQ(ids, std::vector<int>(text.size() / 4, aaaa[0]));
}

TEST_F(Gpt2VocabularyTest, EncodesMegabyteOfWhitespaceAndPunctuation) {
  for (const char* unit : {" ", "\n", "!", "\xC2\xA0", "\xF0\x9F\x8E\x89", "' ", "<|endoftext|"}) {
    std::string text;
    while (text.size() < (1 << 20)) text += unit;
    text += "x";
    EXPECT_EQ(Decoded(*tokenizer_, Ids(*tokenizer_, text)), text) << unit;
  }
}

TEST_F(Gpt2VocabularyTest, RoundTripsEveryScalarValue) {
  // Every character in front of a letter, so that classes of letters, numbers, spaces and others all meet one.
  for (uint32_t first = 1; first < 0x110000; first += 0x400) {
    std::string text;
    for (uint32_t c = first; c < first + 0x400 && c < 0x110000; ++c) {
      if (c >= 0xD800 && c < 0xE000) continue;
      if (c < 0x80) {
        text.push_back(static_cast<char>(c));
      } else if (c < 0x800) {
        text += {static_cast<char>(0xC0 | c >> 6), static_cast<char>(0x80 | (c & 0x3F))};
      } else if (c < 0x10000) {
        text += {static_cast<char>(0xE0 | c >> 12), static_cast<char>(0x80 | (c >> 6 & 0x3F)),
                 static_cast<char>(0x80 | (c & 0x3F))};
      } else {
        text += {static_cast<char>(0xF0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3F)),
                 static_cast<char>(0x80 | (c >> 6 & 0x3F)), static_cast<char>(0x80 | (c & 0x3F))};
      }
      text.push_back('x');
    }
    ASSERT_EQ(Decoded(*tokenizer_, Ids(*tokenizer_, text)), text) << first;
  }
}

TEST_F(Gpt2VocabularyTest, MongolianVowelSeparatorIsNoSpace) {
  // PCRE2's own \s would keep it apart from the dot.
  EXPECT_EQ(Ids(*tokenizer_, " \xE1\xA0\x8E."), (std::vector<int>{28053, 254, 236, 13}));
}

TEST_F(Gpt2VocabularyTest, EncodesFromManyThreadsAtOnce) {
  const std::string text = "Van done in 1. Hat done in 2.<|endoftext|> It's naïve";
  const auto expected = Ids(*tokenizer_, text);
  std::vector<std::vector<int>> results(8);
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) result = *tokenizer_->Encode(text);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_THAT(results, ::testing::Each(expected));
}

TEST_F(TokenizerTest, MergesByRankThenFromTheLeft) {
  json vocab = SmallVocabulary();
  vocab["aa"] = 300;  // gaps are fine
  vocab["aab"] = 301;
  Write("vocab.json", vocab.dump());
  Write("merges.txt", "a a\na b\naa b\n");
  const auto tokenizer = Load();
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_THAT(Ids(*tokenizer, "aaa"), ElementsAre(300, 'a'));
  EXPECT_THAT(Ids(*tokenizer, "aab"), ElementsAre(301));
  EXPECT_THAT(Ids(*tokenizer, "aaab"), ElementsAre(300, 256));
  EXPECT_EQ(tokenizer->size(), 302);
  EXPECT_EQ(tokenizer->TokenBytes(299), "");
  EXPECT_EQ(tokenizer->TokenBytes(301), "aab");
}

TEST_F(TokenizerTest, EncodesEmptyText) { EXPECT_THAT(Ids(*LoadSmall(), ""), ElementsAre()); }

TEST_F(TokenizerTest, EncodesNulBytes) {
  EXPECT_THAT(Ids(*LoadSmall(), std::string("a\0b", 3)), ElementsAre('a', 0, 'b'));
}

TEST_F(TokenizerTest, RejectsTextThatIsNotUtf8) {
  const auto tokenizer = LoadSmall();
  for (const std::string text : {"ab\xFF", "ab\xC3", "ab\xED\xA0\x80", "ab\xC0\x80", "ab\xF4\x90\x80\x80"}) {
    const auto ids = tokenizer->Encode(text);
    EXPECT_EQ(ids.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(ids.status().message(), "byte 2 is not UTF-8");
  }
}

TEST_F(TokenizerTest, EndOfTextIsOneToken) {
  const auto tokenizer = LoadSmall();
  EXPECT_THAT(Ids(*tokenizer, "ab<|endoftext|> ab<|endoftext|><|endoftext"),
              ElementsAre(256, 258, 257, 258, '<', '|', 'e', 'n', 'd', 'o', 'f', 't', 'e', 'x', 't'));
}

TEST_F(TokenizerTest, ReadsAddedTokensBesideVocabulary) {
  Write("added_tokens.json", R"({"<|pad|>": 259, "<|pad|>>": 260, "é à": 300})");
  const auto tokenizer = LoadSmall();
  ASSERT_NE(tokenizer, nullptr);
  EXPECT_THAT(Ids(*tokenizer, "<|pad|>a<|pad|>>é à<|endoftext|>"), ElementsAre(259, 'a', 260, 300, 258));
  EXPECT_EQ(tokenizer->TokenBytes(300), "é à");
}

TEST_F(TokenizerTest, ReadsWindowsLineEndsAndLastLineWithoutOne) {
  Write("vocab.json", SmallVocabulary().dump());
  Write("merges.txt", "a b\r\nĠ ab");
  EXPECT_THAT(Ids(*Load(), "ab ab"), ElementsAre(256, 257));
}

TEST_F(TokenizerTest, ReadsTokenizerJson) {
  Write("tokenizer.json", SmallTokenizerJson().dump());
  EXPECT_THAT(Ids(*Load(), "ab ab<|endoftext|>b"), ElementsAre(256, 257, 258, 'b'));
}

TEST_F(TokenizerTest, ReadsTokenizerJsonWithMergesAsPairsAndWithoutType) {
  json root = SmallTokenizerJson();
  root["model"]["merges"] = json::array({json::array({"a", "b"}), json::array({"Ġ", "ab"})});
  root["model"].erase("type");
  Write("tokenizer.json", root.dump());
  EXPECT_THAT(Ids(*Load(), "ab ab"), ElementsAre(256, 257));
}

TEST_F(TokenizerTest, ReadsTokenizerJsonWhoseTemplateAddsNothing) {
  const json text = {{"Sequence", {{"id", "A"}, {"type_id", 0}}}};
  EXPECT_TRUE(LoadJsonWith("/post_processor", {{"type", "TemplateProcessing"}, {"single", json::array({text})}}).ok());
}

TEST_F(TokenizerTest, FindsTokensThatAreNotNormalizedFirst) {
  json root = SmallTokenizerJson();
  root["added_tokens"] = {{{"id", 300}, {"content", "<a><b>"}, {"normalized", true}},
                          {{"id", 301}, {"content", "<b>"}, {"normalized", false}}};
  Write("tokenizer.json", root.dump());
  EXPECT_THAT(Ids(*Load(), "<a><b>"), ElementsAre('<', 'a', '>', 301));
}

TEST_F(TokenizerTest, PrefersTokenizerJson) {
  Write("tokenizer.json", SmallTokenizerJson().dump());
  EXPECT_TRUE(LoadWith("vocab.json", "not JSON").ok());
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

TEST(TokenizerByteAlphabetTest, SpellsEveryByteOnceAndBack) {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
  const std::string spelling = SpellBytes(all);
  EXPECT_EQ(BytesOfSpelling(spelling), all);
  EXPECT_EQ(SpellBytes(" a\n"), "ĠaĊ");
  EXPECT_EQ(BytesOfSpelling("\xC4"), std::nullopt);
  EXPECT_EQ(BytesOfSpelling("\xC0\xA1"), std::nullopt);
  EXPECT_EQ(BytesOfSpelling("\xC4\xFF"), std::nullopt);
  EXPECT_EQ(BytesOfSpelling(" "), std::nullopt);
}

}  // namespace
}  // namespace circuitd
