// Generated IOI prompts: their names, their answers, and what is refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "tests/unit/tasks/greedy_vocabulary.h"

namespace circuitd {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(IoiTest, PairsAreWhatTheTaskDefines) {
  for (const ModelVocabulary& model : TaskVocabularies()) {
    for (const std::string variant : {"abba", "baba"}) {
      const auto pairs = GeneratePrompts(model, "ioi", {variant}, 7, {.num_samples = 200});
      ASSERT_TRUE(pairs.ok()) << pairs.status();
      ASSERT_EQ(pairs->size(), 200u);
      std::set<std::string> beginnings;
      for (const PromptPair& pair : *pairs) {
        const std::string text = CleanText(model, pair);
        EXPECT_THAT(text, EndsWith(" to"));
        beginnings.insert(text.substr(0, text.find(' ')));
        const auto clean = [&](const char* role) { return CleanWord(model, pair, role); };
        const auto corrupted = [&](const char* role) { return CorruptedWord(model, pair, role); };
        EXPECT_EQ(clean("s1"), clean("s2")) << text;
        const std::set<std::string> names = {clean("io"), clean("s1"), corrupted("io"), corrupted("s1"),
                                             corrupted("s2")};
        EXPECT_EQ(names.size(), 5u) << text;
        EXPECT_EQ(Decode(*model.tokenizer, pair.correct), " " + clean("io"));
        EXPECT_EQ(Decode(*model.tokenizer, pair.incorrect), " " + clean("s1"));
        const std::string order =
            variant == "abba" ? clean("io") + " and " + clean("s1") : clean("s1") + " and " + clean("io");
        EXPECT_THAT(text, HasSubstr(" " + order + " "));

        const PromptRoles& roles = pair.roles;
        EXPECT_EQ(roles.size(), 5u);
        EXPECT_EQ(roles.at("io") < roles.at("s1"), variant == "abba");
        EXPECT_LT(roles.at("s1"), roles.at("s2"));
        EXPECT_EQ(roles.at("s1_plus_1"), roles.at("s1") + 1);
        EXPECT_EQ(roles.at("end") + 1, static_cast<int>(pair.clean.size()));
        // Nothing but the names differs.
        ASSERT_EQ(pair.corrupted.size(), pair.clean.size());
        std::vector<int> rest = pair.corrupted;
        for (const char* role : {"io", "s1", "s2"}) rest[roles.at(role)] = pair.clean[roles.at(role)];
        EXPECT_EQ(rest, pair.clean);
      }
      EXPECT_EQ(beginnings.size(), 8u);
    }
  }
}

TEST(IoiTest, VariantsFollowOneAnother) {
  const auto pairs = GeneratePrompts(Gpt2Vocabulary::Get(), "ioi", {"baba", "abba"}, 7, {.num_samples = 1});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  ASSERT_EQ(pairs->size(), 2u);
  EXPECT_LT((*pairs)[0].roles.at("s1"), (*pairs)[0].roles.at("io"));
  EXPECT_LT((*pairs)[1].roles.at("io"), (*pairs)[1].roles.at("s1"));
}

TEST(IoiTest, RejectsVocabularyWithTooFewWords) {
  const auto failure = [](const std::vector<std::string>& tokens) {
    return Failure(GeneratePrompts(GreedyModel(tokens).vocabulary(), "ioi", {"baba"}, 7, {}));
  };
  std::vector<std::string> tokens = AfterSpace(FirstNames(), 4);
  EXPECT_EQ(failure(tokens), absl::StrCat("FAILED_PRECONDITION: prompts.task.variants[0]: 4 of ", FirstNames().size(),
                                          " names are single tokens for this model's tokenizer, a prompt needs 5"));
  tokens = AfterSpace(FirstNames(), 5);
  EXPECT_THAT(failure(tokens), HasSubstr(": 0 of 35 places are single tokens"));
  Append(tokens, AfterSpace(PlaceWords(), 1));
  EXPECT_THAT(failure(tokens), HasSubstr(" objects are single tokens"));
  Append(tokens, AfterSpace(ObjectWords(), 1));
  EXPECT_EQ(failure(tokens), "");
}

TEST(IoiTest, RejectsVocabularyThatFusesNameAndNextWord) {
  std::vector<std::string> tokens = SmallTaskTokens();
  for (const std::string& name : AfterSpace(FirstNames(), 5)) tokens.push_back(name + " and");
  EXPECT_THAT(Failure(GeneratePrompts(GreedyModel(tokens).vocabulary(), "ioi", {"abba"}, 7, {})),
              AllOf(StartsWith("FAILED_PRECONDITION: prompts.task.task: the prompt \""),
                    EndsWith(" is not one token for this model's tokenizer")));
}

TEST(IoiTest, RejectsModelWithShortContext) {
  EXPECT_THAT(Failure(GeneratePrompts(GreedyModel(SmallTaskTokens(), 10).vocabulary(), "ioi", {}, 7, {})),
              AllOf(StartsWith("FAILED_PRECONDITION: prompts.task.task: the prompt \""),
                    EndsWith(" tokens, model takes 1-10")));
}

}  // namespace
}  // namespace circuitd
