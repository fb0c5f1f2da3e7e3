// What all generated tasks have in common: their descriptions, determinism, bounds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/status.h"
#include "server/tasks/prompt_roles.h"
#include "server/tasks/sequence_continuation.h"
#include "tests/unit/tasks/greedy_vocabulary.h"

namespace circuitd {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

bool Same(const PromptPairs& a, const PromptPairs& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const PromptPair& x, const PromptPair& y) {
    return x.clean == y.clean && x.corrupted == y.corrupted && x.correct == y.correct && x.incorrect == y.incorrect &&
           x.roles == y.roles;
  });
}

PromptPairs Generate(const TaskDescription& task, const std::vector<std::string>& variants, uint64_t seed, int count) {
  const auto pairs = GeneratePrompts(Gpt2Vocabulary::Get(), task.name, variants, seed, {.num_samples = count});
  EXPECT_TRUE(pairs.ok()) << pairs.status();
  return pairs.value_or(PromptPairs());
}

// One list for each variant of the task, or an empty one for a task without.
std::vector<std::vector<std::string>> EachVariant(const TaskDescription& task) {
  std::vector<std::vector<std::string>> each;
  for (const std::string& variant : task.variants) each.push_back({variant});
  if (each.empty()) each.push_back({});
  return each;
}

TEST(AllTasksTest, AreDescribed) {
  std::vector<std::string> names;
  for (const TaskDescription& task : AllTasks()) {
    names.push_back(task.name);
    EXPECT_EQ(FindTask(task.name), &task);
    EXPECT_THAT(task.description, HasSubstr("20"));  // the year of its source
    EXPECT_EQ(task.roles.back(), "end");
    EXPECT_EQ(task.sequence.empty(), FindSequence(task.name) == nullptr);
  }
  EXPECT_THAT(names, ElementsAre("numerals", "numwords", "months", "ioi", "greater_than", "docstring", "induction"));
  EXPECT_EQ(FindTask("letters"), nullptr);
  EXPECT_EQ(FindTask("months")->sequence.size(), 12u);
  EXPECT_EQ(FindTask("months")->sequence.back(), " December");
  EXPECT_THAT(FindTask("months")->variants, ElementsAre("done", "lost", "names"));
  EXPECT_THAT(FindTask("months")->roles,
              ElementsAre("member_1", "member_2", "member_3", "member_4", "last_member", "end"));
}

TEST(GeneratePromptsTest, PairsAreEvenAndHaveTheRolesDescribed) {
  for (const TaskDescription& task : AllTasks()) {
    for (const PromptPair& pair : Generate(task, {}, 3, 40)) {
      EXPECT_EQ(pair.corrupted.size(), pair.clean.size());
      EXPECT_NE(pair.corrupted, pair.clean);
      std::set<std::string> roles;
      for (const auto& [role, position] : pair.roles) roles.insert(role);
      EXPECT_EQ(roles, std::set<std::string>(task.roles.begin(), task.roles.end()));
      EXPECT_TRUE(CheckRolePositions(pair.roles, pair.clean.size()).ok());
      EXPECT_EQ(pair.roles.at("end") + 1, static_cast<int>(pair.clean.size()));
      EXPECT_FALSE(pair.correct.empty());
      for (const int token : pair.correct) EXPECT_THAT(pair.incorrect, Not(Contains(token)));
    }
  }
}

TEST(GeneratePromptsTest, SameSeedGivesSamePairs) {
  for (const TaskDescription& task : AllTasks()) {
    const PromptPairs all = Generate(task, {}, 7, 20);
    ASSERT_EQ(all.size(), 20 * EachVariant(task).size());
    EXPECT_TRUE(Same(Generate(task, {}, 7, 20), all)) << task.name;
    EXPECT_FALSE(Same(Generate(task, {}, 8, 20), all)) << task.name;
    EXPECT_FALSE(Same(Generate(task, {}, 7 + (uint64_t{1} << 32), 20), all)) << task.name;
  }
}

TEST(GeneratePromptsTest, OtherVariantsAndCountsChangeNoVariantsPairs) {
  for (const TaskDescription& task : AllTasks()) {
    const PromptPairs all = Generate(task, {}, 7, 20);
    auto begin = all.begin();
    for (const auto& variant : EachVariant(task)) {
      EXPECT_TRUE(Same(Generate(task, variant, 7, 20), PromptPairs(begin, begin + 20))) << task.name;
      EXPECT_TRUE(Same(Generate(task, variant, 7, 5), PromptPairs(begin, begin + 5))) << task.name;
      begin += 20;
    }
  }
}

TEST(GeneratePromptsTest, NoCountMeans32OfEachVariant) {
  for (const TaskDescription& task : AllTasks()) {
    const auto pairs = GeneratePrompts(Gpt2Vocabulary::Get(), task.name, {}, 7, {});
    ASSERT_TRUE(pairs.ok()) << pairs.status();
    EXPECT_EQ(pairs->size(), 32 * EachVariant(task).size());
  }
}

TEST(GeneratePromptsTest, RejectsUnknownAndRepeatedVariants) {
  for (const TaskDescription& task : AllTasks()) {
    const auto unknown = GeneratePrompts(Gpt2Vocabulary::Get(), task.name, {"x"}, 7, {});
    EXPECT_EQ(unknown.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(FieldOf(unknown.status()), "prompts.task.variants[0]");
    if (task.variants.empty()) continue;
    const std::string first = task.variants[0];
    const auto twice = GeneratePrompts(Gpt2Vocabulary::Get(), task.name, {first, first}, 7, {});
    EXPECT_EQ(FieldOf(twice.status()), "prompts.task.variants[1]");
  }
}

TEST(GeneratePromptsTest, BoundsSamplesAndTokens) {
  for (const TaskDescription& task : AllTasks()) {
    const auto failure = [&](const PromptSetOptions& options) {
      return Failure(GeneratePrompts(Gpt2Vocabulary::Get(), task.name, {}, 7, options));
    };
    EXPECT_EQ(failure({.num_samples = 0}), "INVALID_ARGUMENT: prompts.num_samples: 0, must be 1-4096");
    EXPECT_EQ(failure({.num_samples = 4097}), "INVALID_ARGUMENT: prompts.num_samples: 4097, must be 1-4096");
    EXPECT_THAT(failure({.num_samples = 9, .max_tokens = 30}),
                MatchesRegex("INVALID_ARGUMENT: prompts.task.task: the first [12] pairs have [0-9]+ "
                             "tokens, answers included; a job has at most 30"));
  }
}

TEST(GeneratePromptsTest, SaysWhichTasksNeedTokenizer) {
  const ModelVocabulary model{nullptr, Gpt2Vocabulary::Get().config};
  for (const TaskDescription& task : AllTasks()) {
    EXPECT_EQ(Failure(GeneratePrompts(model, task.name, {}, 7, {})),
              task.name == "induction" ? ""
                                       : absl::StrCat("FAILED_PRECONDITION: prompts.task.task: ", task.name,
                                                      " needs a tokenizer, and this model has none"));
  }
}

// Makes one token of every text, and no bytes of any token.
class HostileTokenizer : public Tokenizer {
 public:
  absl::StatusOr<std::vector<int>> Encode(absl::string_view) const override { return std::vector<int>{0}; }
  std::string TokenBytes(int) const override { return ""; }
  int size() const override { return 1; }
};

TEST(GeneratePromptsTest, GivesUpOnHostileTokenizer) {
  const HostileTokenizer tokenizer;
  for (const TaskDescription& task : AllTasks()) {
    const auto pairs = GeneratePrompts({&tokenizer, Gpt2Vocabulary::Get().config}, task.name, {}, 7, {});
    EXPECT_EQ(pairs.status().code(), absl::StatusCode::kFailedPrecondition) << task.name;
  }
}

// What a checkout alone can generate with the model that it ships.
TEST(GeneratePromptsTest, ServesTheShippedModel) {
  const auto tokenizer = Tokenizer::Load(CIRCUITD_SOURCE_DIR "/models/seqcont-demo");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.status();
  ModelConfig config;
  config.n_ctx = 64;
  config.d_vocab = 1088;
  for (const TaskDescription& task : AllTasks()) {
    const auto pairs = GeneratePrompts({tokenizer->get(), &config}, task.name, {}, 7, {});
    if (task.name == "induction" || !task.sequence.empty()) {
      EXPECT_TRUE(pairs.ok()) << pairs.status();
    } else {
      EXPECT_EQ(pairs.status().code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_THAT(Failure(pairs), HasSubstr("token"));
    }
  }
}

}  // namespace
}  // namespace circuitd
