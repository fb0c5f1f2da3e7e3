#include "tools/vocabulary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "server/model/tokenizer.h"
#include "tools/corpus.h"

namespace circuitd {
namespace {

using testing::ElementsAre;
using testing::Pair;
using testing::UnorderedElementsAre;

PieceCounts TaskPieces() {
  const CorpusWords words = TaskWords();
  Corpus corpus(words, 1);
  PieceCounts pieces;
  for (int i = 0; i < 500; ++i) CountPieces(corpus.Next().text, pieces);
  std::vector<std::vector<std::string>> lists = words.sequences;
  lists.insert(lists.end(), {words.nouns, words.names, words.verbs});
  for (const auto& list : lists) {
    for (const std::string& word : list) {
      ++pieces[word];
      ++pieces[" " + word];
    }
  }
  return pieces;
}

class VocabularyFolderTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = testing::TempDir() + "/vocabulary_" + testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::unique_ptr<Tokenizer> Load(const PieceCounts& pieces) {
    EXPECT_TRUE(WriteVocabulary(MakeVocabulary(pieces), folder_).ok());
    auto tokenizer = Tokenizer::Load(folder_);
    EXPECT_TRUE(tokenizer.ok()) << tokenizer.status();
    return tokenizer.ok() ? *std::move(tokenizer) : nullptr;
  }

  std::string folder_;
};

TEST(VocabularyTest, CutsTextsAsGpt2Does) {
  PieceCounts pieces;
  CountPieces("Van done in 12. Hat a1.", pieces);
  EXPECT_THAT(pieces, UnorderedElementsAre(Pair("Van", 1), Pair(" done", 1), Pair(" in", 1), Pair(" 12", 1),
                                           Pair(".", 2), Pair(" Hat", 1), Pair(" a", 1), Pair("1", 1)));
}

TEST(VocabularyTest, MergesTheMostFrequentPairFirst) {
  const Vocabulary vocabulary = MakeVocabulary({{"ab", 3}, {"abc", 1}, {"cd", 2}});
  EXPECT_THAT(vocabulary.merges, ElementsAre(Pair("a", "b"), Pair("c", "d"), Pair("ab", "c")));
}

TEST(VocabularyTest, ListsATokenOnceHoweverItIsMerged) {
  // "bc" is merged first, then "abd" needs "ab", and "abc" is spelt a + bc.
  const Vocabulary vocabulary = MakeVocabulary({{"bc", 9}, {"abc", 4}, {"ab", 5}, {"abd", 3}});
  EXPECT_EQ(std::set(vocabulary.tokens.begin(), vocabulary.tokens.end()).size(), vocabulary.tokens.size());
}

TEST(VocabularyTest, BeginsWithGpt2sBytesAndEndsWithEndOfText) {
  const Vocabulary vocabulary = MakeVocabulary({});
  ASSERT_EQ(vocabulary.tokens.size(), 257u);
  EXPECT_EQ(vocabulary.tokens[0], "!");
  EXPECT_EQ(vocabulary.tokens[32], "A");
  EXPECT_EQ(vocabulary.tokens[198], "Ċ");  // a line feed
  EXPECT_EQ(vocabulary.tokens[220], "Ġ");  // a space
  EXPECT_EQ(vocabulary.tokens[256], "<|endoftext|>");
}

TEST_F(VocabularyFolderTest, MakesEachPieceOneToken) {
  const PieceCounts pieces = TaskPieces();
  const auto tokenizer = Load(pieces);
  ASSERT_NE(tokenizer, nullptr);
  for (const auto& [piece, count] : pieces) {
    const auto ids = tokenizer->Encode(piece);
    ASSERT_TRUE(ids.ok()) << ids.status();
    EXPECT_EQ(ids->size(), 1u) << "\"" << piece << "\"";
  }
  EXPECT_GT(tokenizer->size(), 300);
  EXPECT_LT(tokenizer->size(), 2000);
}

TEST_F(VocabularyFolderTest, EncodesATextOfTheCorpusToFiveTokensASentence) {
  const auto tokenizer = Load(TaskPieces());
  ASSERT_NE(tokenizer, nullptr);
  Corpus corpus(TaskWords(), 2);
  for (int i = 0; i < 100; ++i) {
    const std::string text = corpus.Next().text;
    EXPECT_EQ(tokenizer->Encode(text)->size(), size_t{5 * Corpus::kSentences}) << text;
  }
}

TEST_F(VocabularyFolderTest, EncodesAnyTextAndBack) {
  const auto tokenizer = Load(TaskPieces());
  ASSERT_NE(tokenizer, nullptr);
  std::string every_character;
  for (int code = 0; code < 0x80; ++code) every_character += static_cast<char>(code);
  for (const std::string& text :
       {every_character, std::string("Größe 東京 🜁\n\n\tx  y"), std::string(), std::string("  ")}) {
    const auto ids = tokenizer->Encode(text);
    ASSERT_TRUE(ids.ok()) << ids.status();
    std::string back;
    for (const int id : *ids) back += tokenizer->TokenBytes(id);
    EXPECT_EQ(back, text);
  }
}

TEST(VocabularyTest, NamesTheFileThatCannotBeWritten) {
  const absl::Status status = WriteVocabulary(MakeVocabulary({}), "/nonexistent/folder");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("/nonexistent/folder/vocab.json"));
}

}  // namespace
}  // namespace circuitd
