// Generated induction prompts: what repeats, which tokens are taken, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/unit/tasks/greedy_vocabulary.h"

namespace circuitd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

ModelConfig Config(int n_ctx, int d_vocab) {
  ModelConfig config;
  config.n_ctx = n_ctx;
  config.d_vocab = d_vocab;
  return config;
}

// The least period of which the prompt's end is a repetition; 0 if nothing repeats.
size_t Period(const std::vector<int>& prompt) {
  const auto second = std::find(prompt.begin() + 1, prompt.end(), prompt[0]);
  return second == prompt.end() ? 0 : static_cast<size_t>(second - prompt.begin());
}

void CheckPair(const PromptPair& pair, size_t n) {
  const size_t shown = n / 2;
  ASSERT_EQ(pair.clean.size(), n + shown);
  ASSERT_EQ(pair.corrupted.size(), n + shown);
  EXPECT_EQ(Period(pair.clean), n);
  EXPECT_TRUE(std::equal(pair.clean.begin(), pair.clean.begin() + shown, pair.clean.begin() + n));
  EXPECT_TRUE(std::equal(pair.clean.begin() + n, pair.clean.end(), pair.corrupted.begin() + n));
  EXPECT_EQ(std::set<int>(pair.clean.begin(), pair.clean.end()).size(), n);
  EXPECT_EQ(std::set<int>(pair.corrupted.begin(), pair.corrupted.end()).size(), n + shown);
  for (size_t i = 0; i < n; ++i) EXPECT_THAT(pair.clean, Not(Contains(pair.corrupted[i])));

  const int first = pair.roles.at("first"), target = pair.roles.at("target"), end = pair.roles.at("end");
  EXPECT_EQ(pair.roles.size(), 3u);
  EXPECT_EQ(end + 1, static_cast<int>(pair.clean.size()));
  EXPECT_EQ(pair.clean[first], pair.clean[end]);
  EXPECT_EQ(target, first + 1);
  EXPECT_THAT(pair.correct, ElementsAre(pair.clean[target]));
  ASSERT_EQ(pair.incorrect.size(), 1u);
  EXPECT_THAT(std::vector<int>(pair.clean.begin(), pair.clean.begin() + n), Contains(pair.incorrect[0]));
  EXPECT_NE(pair.incorrect[0], pair.correct[0]);
}

TEST(InductionTest, PairsAreWhatTheTaskDefines) {
  for (const ModelVocabulary& model : TaskVocabularies()) {
    const auto pairs = GeneratePrompts(model, "induction", {}, 7, {.num_samples = 200});
    ASSERT_TRUE(pairs.ok()) << pairs.status();
    ASSERT_EQ(pairs->size(), 200u);
    std::set<size_t> wrong_places;
    for (const PromptPair& pair : *pairs) {
      CheckPair(pair, 16);
      wrong_places.insert(std::find(pair.clean.begin(), pair.clean.end(), pair.incorrect[0]) - pair.clean.begin());
    }
    EXPECT_EQ(wrong_places.size(), 15u);
  }
}

TEST(InductionTest, NeedsNoTokenizer) {
  const ModelConfig config = Config(64, 100);
  const auto pairs = GeneratePrompts({nullptr, &config}, "induction", {}, 7, {.num_samples = 500});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  std::set<int> seen;
  for (const PromptPair& pair : *pairs) {
    CheckPair(pair, 16);
    seen.insert(pair.clean.begin(), pair.clean.end());
  }
  EXPECT_EQ(seen.size(), 100u);
  EXPECT_EQ(*seen.begin(), 0);
  EXPECT_EQ(*seen.rbegin(), 99);
}

TEST(InductionTest, IsShorterForSmallModels) {
  const auto check = [](int n_ctx, int d_vocab, size_t n) {
    const ModelConfig config = Config(n_ctx, d_vocab);
    const auto pairs = GeneratePrompts({nullptr, &config}, "induction", {}, 7, {.num_samples = 20});
    ASSERT_TRUE(pairs.ok()) << pairs.status();
    for (const PromptPair& pair : *pairs) CheckPair(pair, n);
  };
  check(12, 23, 8);
  check(12, 14, 7);
  check(1024, 8, 4);
  check(6, 1000, 4);
}

TEST(InductionTest, RejectsModelTooSmall) {
  for (const auto& [n_ctx, d_vocab] : {std::pair(11, 3), std::pair(5, 1000), std::pair(1024, 7)}) {
    const ModelConfig config = Config(n_ctx, d_vocab);
    EXPECT_EQ(Failure(GeneratePrompts({nullptr, &config}, "induction", {}, 7, {})),
              absl::StrCat("FAILED_PRECONDITION: prompts.task.task: induction needs 8 tokens that are text and a "
                           "context of 6; this model has ",
                           d_vocab, " and ", n_ctx));
  }
}

TEST(InductionTest, LeavesOutAddedTokensAndRowsWithoutToken) {
  std::vector<std::string> tokens = AfterSpace(FirstNames(), 10);
  Append(tokens, {"<|endoftext|>", "[PAD]", " <s>"});
  GreedyModel model(tokens);
  model.config.d_vocab += 50;
  const auto pairs = GeneratePrompts(model.vocabulary(), "induction", {}, 7, {.num_samples = 500});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  std::set<int> seen;
  for (const PromptPair& pair : *pairs) {
    seen.insert(pair.clean.begin(), pair.clean.end());
    seen.insert(pair.corrupted.begin(), pair.corrupted.end());
  }
  EXPECT_EQ(seen.size(), 256u + 10);
  EXPECT_EQ(*seen.rbegin(), 256 + 9);
}

}  // namespace
}  // namespace circuitd
