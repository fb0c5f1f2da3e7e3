// Generated docstring prompts: their names, their answers, their corruptions, and what is refused.
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
using ::testing::MatchesRegex;
using ::testing::StartsWith;
using ::testing::UnorderedElementsAreArray;

constexpr char kTemplate[] =
    "def [a-z]+\\(self, [a-z]+, [a-z]+, [a-z]+, [a-z]+\\):\n"
    "    \"\"\"[a-z]+ [a-z]+ [a-z]+\n\n"
    "    :param [a-z]+: [a-z]+ [a-z]+\n"
    "    :param [a-z]+: [a-z]+ [a-z]+\n"
    "    :param";

TEST(DocstringTest, PairsAreWhatTheTaskDefines) {
  for (const ModelVocabulary& model : TaskVocabularies()) {
    for (const std::string variant : {"random_answer", "random_def", "random_doc"}) {
      const auto pairs = GeneratePrompts(model, "docstring", {variant}, 7, {.num_samples = 100});
      ASSERT_TRUE(pairs.ok()) << pairs.status();
      ASSERT_EQ(pairs->size(), 100u);
      for (const PromptPair& pair : *pairs) {
        const std::string text = CleanText(model, pair);
        ASSERT_THAT(text, MatchesRegex(kTemplate));
        ASSERT_THAT(CorruptedText(model, pair), MatchesRegex(kTemplate));
        const auto clean = [&](const char* role) { return CleanWord(model, pair, role); };
        EXPECT_THAT(
            text, HasSubstr(absl::StrCat("(self, ", clean("a_def"), ", ", clean("b_def"), ", ", clean("c_def"), ", ")));
        EXPECT_EQ(clean("a_doc"), clean("a_def"));
        EXPECT_EQ(clean("b_doc"), clean("b_def"));
        EXPECT_EQ(Decode(*model.tokenizer, pair.correct), " " + clean("c_def"));

        std::set<std::string> changed;
        std::set<int> wrong = {pair.clean[pair.roles.at("a_def")], pair.clean[pair.roles.at("b_def")],
                               pair.clean[pair.roles.at("c_def") + 2]};
        for (const auto& [role, position] : pair.roles) {
          if (pair.clean[position] == pair.corrupted[position]) continue;
          changed.insert(role);
          EXPECT_TRUE(wrong.insert(pair.corrupted[position]).second);
        }
        const std::set<std::string> replaced = variant == "random_answer" ? std::set<std::string>{"c_def"}
                                               : variant == "random_def"  ? std::set<std::string>{"a_def", "b_def"}
                                                                          : std::set<std::string>{"a_doc", "b_doc"};
        EXPECT_EQ(changed, replaced);
        EXPECT_THAT(pair.incorrect, UnorderedElementsAreArray(wrong));
        EXPECT_EQ(wrong.count(pair.correct[0]), 0u);

        ASSERT_EQ(pair.corrupted.size(), pair.clean.size());
        int differences = 0;
        for (size_t i = 0; i < pair.clean.size(); ++i) differences += pair.clean[i] != pair.corrupted[i];
        EXPECT_EQ(differences, static_cast<int>(replaced.size()));
        EXPECT_EQ(pair.roles.size(), 6u);
        EXPECT_EQ(pair.roles.at("end") + 1, static_cast<int>(pair.clean.size()));
        EXPECT_EQ(pair.clean.size(), (*pairs)[0].clean.size());
      }
    }
  }
}

TEST(DocstringTest, RejectsVocabularyWithTooFewWords) {
  std::vector<std::string> tokens = AfterSpace(ArgumentNames(), 6);
  const auto failure = [&] {
    return Failure(GeneratePrompts(GreedyModel(tokens).vocabulary(), "docstring", {"random_doc"}, 7, {}));
  };
  EXPECT_EQ(failure(), absl::StrCat("FAILED_PRECONDITION: prompts.task.variants[0]: 6 of ", ArgumentNames().size(),
                                    " argument names are single tokens for this model's tokenizer, a prompt needs 7"));
  Append(tokens, AfterSpace(ArgumentNames(), 7));
  EXPECT_THAT(failure(), HasSubstr(absl::StrCat(": 0 of ", DescriptionWords().size(), " words are single tokens")));
}

TEST(DocstringTest, RejectsVocabularyThatFusesNameAndNextSign) {
  std::vector<std::string> tokens = SmallTaskTokens();
  for (const std::string& name : AfterSpace(ArgumentNames(), 7)) tokens.push_back(name + ":");
  EXPECT_THAT(Failure(GeneratePrompts(GreedyModel(tokens).vocabulary(), "docstring", {}, 7, {})),
              AllOf(StartsWith("FAILED_PRECONDITION: prompts.task.task: the prompt \"def "),
                    EndsWith(" is not one token for this model's tokenizer")));
}

}  // namespace
}  // namespace circuitd
