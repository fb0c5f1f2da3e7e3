// Pairs that a request brings along: what may be missing, and what is refused, by name.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {

PromptPair Good() { return {{1, 2, 3}, {4, 5, 6}, {7}, {8, 9}, {{"end", 2}}}; }

ModelConfig Config() {
  ModelConfig config;
  config.n_ctx = 4;
  config.d_vocab = 10;
  return config;
}

// The message about three good pairs with this one after them, which names its field.
std::string FailureWith(const PromptPair& pair, PairNeeds needs = {}) {
  const absl::Status status = ValidatePairs(Config(), {Good(), Good(), Good(), pair}, needs, "prompts.inline");
  EXPECT_TRUE(status.ok() || FieldOf(status).has_value());
  return std::string(status.message());
}

std::string FailureOf(const PromptPairs& pairs, PairNeeds needs) {
  return std::string(ValidatePairs(Config(), pairs, needs, "prompts.inline").message());
}

TEST(ValidatePairsTest, TakesPairsWithEverything) {
  for (const bool needed : {false, true}) {
    EXPECT_EQ(FailureWith(Good(), {.corrupted = needed, .answers = needed, .incorrect = needed}), "");
  }
}

TEST(ValidatePairsTest, TakesPairsWithoutWhatIsNotNeeded) {
  const PromptPair clean_only{{1, 2}, {}, {}, {}, {}};
  EXPECT_EQ(FailureOf({clean_only, clean_only}, {.corrupted = false, .answers = false}), "");
  const PromptPair no_incorrect{{1, 2}, {}, {3}, {}, {}};
  EXPECT_EQ(FailureOf({no_incorrect}, {.corrupted = false, .incorrect = false}), "");
}

TEST(ValidatePairsTest, RejectsPairsWithoutWhatIsNeeded) {
  EXPECT_EQ(FailureOf({}, {}), "prompts.inline.clean: 0 prompts, must be 1-4096");
  EXPECT_EQ(FailureOf(PromptPairs(4097, Good()), {}), "prompts.inline.clean: 4097 prompts, must be 1-4096");
  const PromptPair clean_only{{1, 2}, {}, {}, {}, {}};
  EXPECT_EQ(FailureOf({clean_only}, {.answers = false}),
            "prompts.inline.corrupted: no prompts, but this request needs them for each clean prompt");
  EXPECT_EQ(FailureOf({clean_only}, {.corrupted = false}),
            "prompts.inline.answers: no correct tokens, but this request needs them for each clean prompt");
  const PromptPair no_incorrect{{1, 2}, {}, {3}, {}, {}};
  EXPECT_EQ(FailureOf({no_incorrect}, {.corrupted = false}),
            "prompts.inline.answers: no incorrect tokens, but this request needs them for each clean prompt");
}

TEST(ValidatePairsTest, RejectsWhatOnlySomePairsHave) {
  constexpr PairNeeds kNothing{.corrupted = false, .answers = false};
  PromptPair pair = Good();
  pair.corrupted.clear();
  EXPECT_EQ(FailureWith(pair, kNothing), "prompts.inline.corrupted[3]: 0 tokens, model takes 1-4");
  pair = Good();
  pair.correct.clear();
  EXPECT_EQ(FailureWith(pair, kNothing), "prompts.inline.answers[3].correct: 0 tokens, must be 1-1000");
  pair = Good();
  pair.incorrect.clear();
  EXPECT_EQ(FailureWith(pair, kNothing), "prompts.inline.answers[3].incorrect: 0 tokens, must be 1-1000");
}

TEST(ValidatePairsTest, RejectsPromptsThatTheModelCannotRun) {
  PromptPair pair = Good();
  pair.clean.clear();
  EXPECT_EQ(FailureWith(pair), "prompts.inline.clean[3]: 0 tokens, model takes 1-4");
  pair.clean = {1, 1, 1, 1, 1};
  EXPECT_EQ(FailureWith(pair), "prompts.inline.clean[3]: 5 tokens, model takes 1-4");
  pair.clean = {1, 10, 1};
  EXPECT_EQ(FailureWith(pair), "prompts.inline.clean[3][1]: token 10, model has 10 (0-9)");
  pair = Good();
  pair.corrupted = {1, 2};
  EXPECT_EQ(FailureWith(pair),
            "prompts.inline.corrupted[3]: 2 tokens, but its clean partner has 3: a pair's lengths must be equal");
  pair.corrupted = {1, 2, -1};
  EXPECT_EQ(FailureWith(pair), "prompts.inline.corrupted[3][2]: token -1, model has 10 (0-9)");
}

TEST(ValidatePairsTest, RejectsAnswersOutOfBounds) {
  PromptPair pair = Good();
  pair.correct = {1, 2, 10};
  EXPECT_EQ(FailureWith(pair), "prompts.inline.answers[3].correct[2]: token 10, model has 10 (0-9)");
  pair = Good();
  pair.incorrect.assign(1001, 1);
  EXPECT_EQ(FailureWith(pair), "prompts.inline.answers[3].incorrect: 1001 tokens, must be 1-1000");
}

TEST(ValidatePairsTest, RejectsRolesOutOfBounds) {
  PromptPair pair = Good();
  pair.roles = {{"last_member", 3}};
  EXPECT_EQ(FailureWith(pair), "prompts.inline.clean[3].roles[\"last_member\"]: 3, the prompt has 3 tokens (0-2)");
  pair.roles = {{"last_member", -1}};
  EXPECT_EQ(FailureWith(pair), "prompts.inline.clean[3].roles[\"last_member\"]: -1, the prompt has 3 tokens (0-2)");
  pair.roles = {{"", 1}};
  EXPECT_EQ(FailureWith(pair), "prompts.inline.clean[3].roles: \"\" has 0 bytes, a role's name has 1-63");
  pair.roles.clear();
  for (int i = 0; i < 65; ++i) pair.roles[absl::StrCat(i)] = 0;
  EXPECT_EQ(FailureWith(pair), "prompts.inline.clean[3].roles: 65 roles, a prompt has at most 64");
}

}  // namespace
}  // namespace circuitd
