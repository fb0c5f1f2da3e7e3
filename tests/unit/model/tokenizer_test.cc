// Byte-level BPE with small vocabularies against hand-made ids.
#include "server/model/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "server/model/tokenizer_byte_alphabet.h"
#include "tests/unit/model/tokenizer_test_util.h"

namespace circuitd {
namespace {

using ::nlohmann::json;
using ::testing::ElementsAre;

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
