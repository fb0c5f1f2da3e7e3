// Generated sequence-continuation prompts: their text, what makes a pair, determinism, and what is refused.
#include "server/tasks/sequence_continuation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/random.h"
#include "base/status.h"
#include "server/tasks/word_lists.h"
#include "tests/unit/tasks/prompt_files.h"

namespace circuitd {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

PromptSetOptions Samples(int count) { return {.num_samples = count}; }

std::vector<std::string> Texts(const std::vector<std::vector<int>>& prompts) {
  std::vector<std::string> texts;
  for (const auto& prompt : prompts) texts.push_back(Decode(*Gpt2Vocabulary::Get().tokenizer, prompt));
  return texts;
}

// A prompt taken apart. `valid` says whether it has the template's shape.
struct Parsed {
  bool valid = true;
  std::vector<std::string> words;
  std::vector<int> members;  // places in the sequence
};

Parsed Parse(const std::string& text, const std::string& verb, const std::vector<std::string>& sequence) {
  Parsed parsed;
  const std::vector<std::string> sentences = absl::StrSplit(text, ". ");
  parsed.valid = sentences.size() == 5;
  for (size_t i = 0; i < sentences.size(); ++i) {
    const std::vector<std::string> parts = absl::StrSplit(sentences[i], ' ');
    const bool last = i == 4;
    if (parts.size() != (last ? 3u : 4u) || parts[1] != verb || parts[2] != "in") {
      parsed.valid = false;
      continue;
    }
    parsed.words.push_back(parts[0]);
    if (!last) {
      const auto member = std::find(sequence.begin(), sequence.end(), parts[3]);
      parsed.valid = parsed.valid && member != sequence.end();
      parsed.members.push_back(static_cast<int>(member - sequence.begin()));
    }
  }
  return parsed;
}

TEST(SequenceContinuationTest, PairsAreWhatTheTaskDefines) {
  const ModelVocabulary model = Gpt2Vocabulary::Get();
  for (const std::string& task : SequenceTaskNames()) {
    const std::vector<std::string>& sequence = *FindSequence(task);
    for (const SequenceVariant& variant : SequenceVariants()) {
      const auto pairs = GeneratePrompts(model, task, {variant.name}, 7, Samples(200));
      ASSERT_TRUE(pairs.ok()) << pairs.status();
      ASSERT_EQ(pairs->size(), 200u);
      std::set<int> starts;
      for (const PromptPair& pair : *pairs) {
        const std::string clean_text = Decode(*model.tokenizer, pair.clean);
        const Parsed clean = Parse(clean_text, variant.verb, sequence);
        const Parsed corrupted = Parse(Decode(*model.tokenizer, pair.corrupted), variant.verb, sequence);
        ASSERT_TRUE(clean.valid && corrupted.valid) << clean_text;
        EXPECT_EQ(pair.clean.size(), 23u);
        EXPECT_EQ(pair.corrupted.size(), 23u);
        EXPECT_EQ(clean.words, corrupted.words);
        EXPECT_EQ(std::set<std::string>(clean.words.begin(), clean.words.end()).size(), 5u) << clean_text;

        const int start = clean.members[0];
        starts.insert(start + 1);
        EXPECT_EQ(clean.members, (std::vector<int>{start, start + 1, start + 2, start + 3}));
        EXPECT_NE(corrupted.members[3], corrupted.members[2] + 1);
        EXPECT_EQ(pair.roles, (PromptRoles{{"member_1", 3},
                                           {"member_2", 8},
                                           {"member_3", 13},
                                           {"member_4", 18},
                                           {"last_member", 18},
                                           {"end", 22}}));
        for (int i = 0; i < 4; ++i) {
          EXPECT_EQ(model.tokenizer->TokenBytes(pair.clean[5 * i + 3]), absl::StrCat(" ", sequence[start + i]));
        }
        EXPECT_EQ(pair.correct, *model.tokenizer->Encode(absl::StrCat(" ", sequence[start + 4])));
        EXPECT_EQ(pair.incorrect, *model.tokenizer->Encode(absl::StrCat(" ", sequence[start + 3])));
      }
      EXPECT_EQ(starts, (std::set<int>{1, 2, 3, 4, 5, 6, 7, 8}));
    }
  }
}

TEST(SequenceContinuationTest, VariantsFollowOneAnotherAsGiven) {
  const ModelVocabulary model = Gpt2Vocabulary::Get();
  const auto pairs = GeneratePrompts(model, "numerals", {"names", "done"}, 7, Samples(2));
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  ASSERT_EQ(pairs->size(), 4u);
  const auto text = [&](int i) { return Decode(*model.tokenizer, (*pairs)[i].clean); };
  EXPECT_THAT(text(1), HasSubstr(" born in 2."));
  EXPECT_THAT(text(2), HasSubstr(" done in 1."));
}

TEST(SequenceContinuationTest, NoVariantMeansAllAndNoCountMeans32) {
  const auto pairs = GeneratePrompts(Gpt2Vocabulary::Get(), "months", {}, 7, {});
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  EXPECT_EQ(pairs->size(), 3u * 32);
}

TEST(SequenceContinuationTest, SameSeedGivesSamePairs) {
  const auto clean = [](const std::vector<std::string>& variants, uint64_t seed, int count) {
    std::vector<std::vector<int>> prompts;
    auto pairs = GeneratePrompts(Gpt2Vocabulary::Get(), "numwords", variants, seed, Samples(count));
    EXPECT_TRUE(pairs.ok()) << pairs.status();
    for (const PromptPair& pair : *pairs) {
      prompts.push_back(pair.clean);
      prompts.push_back(pair.corrupted);
    }
    return Texts(prompts);
  };
  const auto all = clean({"done", "lost"}, 7, 40);
  EXPECT_EQ(clean({"done", "lost"}, 7, 40), all);
  EXPECT_NE(clean({"done", "lost"}, 8, 40), all);
  EXPECT_NE(clean({"done", "lost"}, 7 + (uint64_t{1} << 32), 40), all);
  // Neither another count nor other variants change a variant's prompts.
  const std::vector<std::string> lost(all.begin() + 80, all.end());
  EXPECT_EQ(clean({"lost"}, 7, 40), lost);
  EXPECT_EQ(clean({"lost"}, 7, 10), std::vector<std::string>(lost.begin(), lost.begin() + 20));
}

TEST(SequenceContinuationTest, RejectsUnknownNames) {
  const ModelVocabulary model = Gpt2Vocabulary::Get();
  const auto unknown_task = GeneratePrompts(model, "letters", {}, 7, {});
  EXPECT_EQ(Failure(unknown_task),
            "INVALID_ARGUMENT: prompts.task.task: \"letters\", must be one of numerals, numwords, months, ioi, "
            "greater_than, docstring, induction");
  EXPECT_EQ(FieldOf(unknown_task.status()), "prompts.task.task");
  EXPECT_EQ(Failure(GeneratePrompts(model, "months", {"done", "x"}, 7, {})),
            "INVALID_ARGUMENT: prompts.task.variants[1]: \"x\", must be one of done, lost, names");
  EXPECT_EQ(Failure(GeneratePrompts(model, "months", {"done", "done"}, 7, {})),
            "INVALID_ARGUMENT: prompts.task.variants[1]: \"done\" is there twice");
}

TEST(SequenceContinuationTest, RejectsNumSamplesOutOfRange) {
  for (const int count : {0, -1, 4097, 1'000'000'000}) {
    const auto pairs = GeneratePrompts(Gpt2Vocabulary::Get(), "numerals", {}, 7, Samples(count));
    EXPECT_EQ(Failure(pairs), absl::StrCat("INVALID_ARGUMENT: prompts.num_samples: ", count, ", must be 1-4096"));
  }
}

TEST(SequenceContinuationTest, AllowsMostSamples) {
  const auto pairs = GeneratePrompts(Gpt2Vocabulary::Get(), "numerals", {"done"}, 7, Samples(4096));
  EXPECT_EQ(pairs->size(), 4096u);
}

// All that the prompts of "done" need but words.
std::vector<std::string> ToyTokens() {
  std::vector<std::string> tokens = {" done", " in"};
  for (const std::string& member : *FindSequence("numwords")) tokens.push_back(" " + member);
  return tokens;
}

TEST(SequenceContinuationTest, RepeatsWordsOfSmallVocabularyBetweenPromptsButNotInside) {
  std::vector<std::string> tokens = ToyTokens();
  for (int i = 0; i < 5; ++i) {
    tokens.push_back(ThingWords()[i]);
    tokens.push_back(" " + ThingWords()[i]);
  }
  // Single tokens in one of the two places only.
  tokens.push_back(ThingWords()[5]);
  tokens.push_back(" " + ThingWords()[6]);
  const ToyModel model(tokens);
  const auto pairs = GeneratePrompts(model.vocabulary(), "numwords", {"done"}, 7, Samples(500));
  ASSERT_TRUE(pairs.ok()) << pairs.status();
  for (const PromptPair& pair : *pairs) {
    ASSERT_EQ(pair.clean.size(), 23u);
    ASSERT_EQ(pair.corrupted.size(), 23u);
  }
}

TEST(SequenceContinuationTest, RejectsVocabularyWithTooFewWords) {
  std::vector<std::string> tokens = ToyTokens();
  for (int i = 0; i < 4; ++i) {
    tokens.push_back(ThingWords()[i]);
    tokens.push_back(" " + ThingWords()[i]);
  }
  const ToyModel model(tokens);
  EXPECT_THAT(Failure(GeneratePrompts(model.vocabulary(), "numwords", {"done"}, 7, {})),
              StartsWith(absl::StrCat("FAILED_PRECONDITION: prompts.task.variants[0]: 4 of ", ThingWords().size(),
                                      " words are single tokens")));
}

TEST(SequenceContinuationTest, RejectsVocabularyWithoutMember) {
  const ToyModel model(ToyTokens());
  EXPECT_THAT(Failure(GeneratePrompts(model.vocabulary(), "months", {}, 7, {})),
              StartsWith("FAILED_PRECONDITION: prompts.task.task: months needs \" January\" to be one token, but this "
                         "model's tokenizer makes 8"));
}

TEST(SequenceContinuationTest, RejectsTokensThatTheModelDoesNotHave) {
  const ModelVocabulary gpt2 = Gpt2Vocabulary::Get();
  ModelConfig config = *gpt2.config;
  config.d_vocab = 300;
  EXPECT_THAT(Failure(GeneratePrompts({gpt2.tokenizer, &config}, "numerals", {}, 7, {})),
              StartsWith("FAILED_PRECONDITION: prompts.task.task: numerals needs \" 1\" to be one token"));
}

TEST(SequenceContinuationTest, RejectsModelWithoutTokenizer) {
  const ModelVocabulary model{nullptr, Gpt2Vocabulary::Get().config};
  EXPECT_EQ(Failure(GeneratePrompts(model, "numerals", {}, 7, {})),
            "FAILED_PRECONDITION: prompts.task.task: numerals needs a tokenizer, and this model has none");
}

TEST(SequenceContinuationTest, RejectsModelWithShortContext) {
  const ModelVocabulary gpt2 = Gpt2Vocabulary::Get();
  ModelConfig config = *gpt2.config;
  config.n_ctx = 22;
  const std::string failure = Failure(GeneratePrompts({gpt2.tokenizer, &config}, "numerals", {}, 7, {}));
  EXPECT_THAT(failure, StartsWith("FAILED_PRECONDITION: prompts.task.task: the prompt \""));
  EXPECT_THAT(failure, HasSubstr(" done in 1. "));
  EXPECT_THAT(failure, EndsWith(" done in\": 23 tokens, model takes 1-22"));
}

// " one." is one token too, as if it had been added to the vocabulary.
class FusingTokenizer : public ToyTokenizer {
 public:
  using ToyTokenizer::ToyTokenizer;
  absl::StatusOr<std::vector<int>> Encode(absl::string_view text) const override {
    const int one = (*ToyTokenizer::Encode(" one"))[0];
    const std::vector<int> ids = *ToyTokenizer::Encode(text);
    std::vector<int> fused;
    for (const int id : ids) {
      if (id == '.' && !fused.empty() && fused.back() == one) {
        fused.back() = size() - 1;
      } else {
        fused.push_back(id);
      }
    }
    return fused;
  }
  int size() const override { return ToyTokenizer::size() + 1; }
};

TEST(SequenceContinuationTest, RejectsVocabularyThatMakesPairsUnequal) {
  std::vector<std::string> tokens = ToyTokens();
  for (int i = 0; i < 5; ++i) {
    tokens.push_back(ThingWords()[i]);
    tokens.push_back(" " + ThingWords()[i]);
  }
  const FusingTokenizer tokenizer(tokens);
  ModelConfig config;
  config.n_ctx = 64;
  config.d_vocab = tokenizer.size();
  const auto pairs = GeneratePrompts({&tokenizer, &config}, "numwords", {"done"}, 7, Samples(500));
  EXPECT_EQ(FieldOf(pairs.status()), "prompts.task.task");
  EXPECT_THAT(Failure(pairs), MatchesRegex("FAILED_PRECONDITION: prompts.task.task: the prompt \".* done in \\w+\\. .* "
                                           "done in\" is 2[0-9] tokens for this model's tokenizer, but its corrupted "
                                           "partner is [12][0-9]: a pair's lengths must be equal"));
}

TEST(SequenceContinuationTest, BoundsTheTokensOfAllPairs) {
  const ModelVocabulary model = Gpt2Vocabulary::Get();
  PromptSetOptions options = Samples(2);
  options.max_tokens = 2 * 48;
  EXPECT_TRUE(GeneratePrompts(model, "numerals", {"done"}, 7, options).ok());
  --options.max_tokens;
  EXPECT_EQ(Failure(GeneratePrompts(model, "numerals", {"done"}, 7, options)),
            "INVALID_ARGUMENT: prompts.task.task: the first 2 pairs have 96 tokens, answers included; a job has at "
            "most 95");
}

TEST(WordListsTest, WordsInLowerCaseAreDistinctAndSingleTokensOfGpt2) {
  const Tokenizer& tokenizer = *Gpt2Vocabulary::Get().tokenizer;
  for (const auto* words : {&PlaceWords(), &ObjectWords(), &EventWords(), &ArgumentNames(), &DescriptionWords()}) {
    EXPECT_EQ(std::set<std::string>(words->begin(), words->end()).size(), words->size());
    for (const std::string& word : *words) EXPECT_EQ(tokenizer.Encode(" " + word)->size(), 1u) << word;
  }
  for (const std::string& word : DescriptionWords()) {
    EXPECT_EQ(tokenizer.Encode(word)->size(), 1u) << word;
    EXPECT_EQ(std::count(ArgumentNames().begin(), ArgumentNames().end(), word), 0) << word;
  }
}

TEST(WordListsTest, WordsAreDistinctAndSingleTokensOfGpt2) {
  const Tokenizer& tokenizer = *Gpt2Vocabulary::Get().tokenizer;
  for (const auto* words : {&ThingWords(), &FirstNames()}) {
    EXPECT_EQ(std::set<std::string>(words->begin(), words->end()).size(), words->size());
    for (const std::string& word : *words) {
      EXPECT_EQ(tokenizer.Encode(word)->size(), 1u) << word;
      EXPECT_EQ(tokenizer.Encode(" " + word)->size(), 1u) << word;
      EXPECT_EQ(std::count(FindSequence("months")->begin(), FindSequence("months")->end(), word), 0) << word;
    }
  }
}

TEST(FindSequenceTest, KnowsTwelveMembersOfEachTask) {
  for (const std::string& task : SequenceTaskNames()) EXPECT_EQ(FindSequence(task)->size(), 12u);
  EXPECT_EQ(FindSequence("numerals")->back(), "12");
  EXPECT_EQ(FindSequence("numwords")->front(), "one");
  EXPECT_EQ(FindSequence("months")->back(), "December");
  EXPECT_EQ(FindSequence("letters"), nullptr);
}

TEST(RandomTest, IsTheSameOnEveryPlatform) {
  Random random(7, 1);
  std::vector<int> values;
  for (int i = 0; i < 8; ++i) values.push_back(random.Below(1000));
  EXPECT_THAT(values, ::testing::ElementsAre(629, 457, 111, 600, 572, 146, 586, 364));
}

TEST(RandomTest, ReachesEveryValueAboutEquallyOften) {
  Random random(1, 0);
  std::vector<int> counts(12);
  for (int i = 0; i < 12000; ++i) ++counts.at(random.Below(12));
  for (const int count : counts) EXPECT_NEAR(count, 1000, 150);
}

}  // namespace
}  // namespace circuitd
