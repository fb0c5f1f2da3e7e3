// Byte-level BPE with GPT-2's own vocabulary against golden ids, and texts of every kind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "server/model/tokenizer.h"
#include "tests/unit/model/tokenizer_test_util.h"

namespace circuitd {
namespace {

using ::nlohmann::json;

constexpr char kShared[] = CIRCUITD_SOURCE_DIR "/../shared";

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

}  // namespace
}  // namespace circuitd
