// Generated greater-than prompts: their years, their answers, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/unit/tasks/greedy_vocabulary.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

TEST(GreaterThanTest, PairsAreWhatTheTaskDefines) {
  for (const ModelVocabulary& model : TaskVocabularies()) {
    const auto pairs = GeneratePrompts(model, "greater_than", {}, 7, {.num_samples = 300});
    ASSERT_TRUE(pairs.ok()) << pairs.status();
    ASSERT_EQ(pairs->size(), 300u);
    std::set<int> years;
    for (const PromptPair& pair : *pairs) {
      const std::string text = CleanText(model, pair);
      ASSERT_THAT(text, MatchesRegex("The [a-z]+ lasted from the year 1[1-7][0-9][0-9] to the year 1[1-7]"));
      const std::string century = text.substr(text.size() - 2);
      const size_t first_year = text.find("year ") + 5;
      EXPECT_EQ(text.substr(first_year, 2), century);
      EXPECT_EQ(text.substr(first_year + 2, 2), CleanWord(model, pair, "yy"));
      std::string corrupted = text;
      corrupted.replace(first_year + 2, 2, "01");
      EXPECT_EQ(CorruptedText(model, pair), corrupted);
      EXPECT_EQ(CorruptedWord(model, pair, "yy"), "01");
      ASSERT_EQ(pair.corrupted.size(), pair.clean.size());
      EXPECT_EQ(pair.roles.size(), 2u);
      EXPECT_EQ(pair.roles.at("end") + 1, static_cast<int>(pair.clean.size()));

      int year = 0;
      ASSERT_TRUE(absl::SimpleAtoi(CleanWord(model, pair, "yy"), &year));
      years.insert(year);
      ASSERT_EQ(pair.incorrect.size(), static_cast<size_t>(year) + 1);
      ASSERT_EQ(pair.correct.size(), static_cast<size_t>(99 - year));
      for (int i = 0; i < 100; ++i) {
        const int token = i <= year ? pair.incorrect[i] : pair.correct[i - year - 1];
        EXPECT_EQ(model.tokenizer->TokenBytes(token), absl::StrCat(absl::Dec(i, absl::kZeroPad2)));
      }
    }
    EXPECT_GE(*years.begin(), 2);
    EXPECT_LE(*years.rbegin(), 98);
    EXPECT_GT(years.size(), 60u);
  }
}

TEST(GreaterThanTest, ChoosesOnlyYearsOfTwoTokens) {
  std::vector<std::string> tokens = SmallTaskTokens();
  for (int year = 3; year < 100; ++year) tokens.push_back(absl::StrCat(" 17", absl::Dec(year, absl::kZeroPad2)));
  tokens.push_back(" 1101");
  const GreedyModel model(tokens);
  const auto pairs = GeneratePrompts(model.vocabulary(), "greater_than", {}, 7, {.num_samples = 50});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  for (const PromptPair& pair : *pairs) EXPECT_THAT(CleanText(model.vocabulary(), pair), HasSubstr("year 1702 to"));
}

TEST(GreaterThanTest, RejectsVocabularyWithoutYearsOfTwoTokens) {
  const auto failure = [](const std::vector<std::string>& tokens) {
    return Failure(GeneratePrompts(GreedyModel(tokens).vocabulary(), "greater_than", {}, 7, {}));
  };
  std::vector<std::string> tokens = SmallTaskTokens();
  for (const char* year : {" 1101", " 1701"}) tokens.push_back(year);
  EXPECT_EQ(failure(tokens),
            "FAILED_PRECONDITION: prompts.task.task: greater_than needs years of two tokens, \" 17\" and \"32\", and "
            "this model's tokenizer splits none of 1102-1798 so");
  tokens.erase(std::find(tokens.begin(), tokens.end(), "58"));
  EXPECT_EQ(failure(tokens),
            "FAILED_PRECONDITION: prompts.task.task: greater_than needs two digits to be one token, but \"58\" is not "
            "one token of this model");
  tokens = SmallTaskTokens();
  tokens.erase(std::find(tokens.begin(), tokens.end(), " " + EventWords()[0]));
  EXPECT_THAT(failure(tokens), HasSubstr(" nouns are single tokens"));
}

TEST(GreaterThanTest, HasNoVariants) {
  EXPECT_EQ(Failure(GeneratePrompts(Gpt2Vocabulary::Get(), "greater_than", {"x"}, 7, {})),
            "INVALID_ARGUMENT: prompts.task.variants[0]: \"x\", greater_than has no variants");
}

}  // namespace
}  // namespace circuitd
