#include "tools/corpus.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_split.h"

namespace circuitd {
namespace {

// Of one text: five sentences "WORD VERB in MEMBER."
struct Sentences {
  std::vector<std::string> words, verbs, members;
};

Sentences Parse(const std::string& text) {
  Sentences result;
  EXPECT_EQ(text.back(), '.');
  const std::vector<std::string> sentences = absl::StrSplit(text.substr(0, text.size() - 1), ". ");
  for (const std::string& sentence : sentences) {
    const std::vector<std::string> parts = absl::StrSplit(sentence, ' ');
    EXPECT_EQ(parts.size(), 4u) << text;
    EXPECT_EQ(parts[2], "in") << text;
    result.words.push_back(parts[0]);
    result.verbs.push_back(parts[1]);
    result.members.push_back(parts[3]);
  }
  EXPECT_EQ(result.words.size(), size_t{Corpus::kSentences}) << text;
  return result;
}

std::vector<int> Positions(const std::vector<std::string>& members) {
  for (const auto& sequence : TaskWords().sequences) {
    std::vector<int> positions;
    for (const std::string& member : members) {
      const auto found = std::find(sequence.begin(), sequence.end(), member);
      if (found != sequence.end()) positions.push_back(static_cast<int>(found - sequence.begin()));
    }
    if (positions.size() == members.size()) return positions;
  }
  ADD_FAILURE() << "not of one sequence: " << testing::PrintToString(members);
  return {};
}

TEST(CorpusTest, MakesFiveSentencesOfDistinctWordsAndOneVerb) {
  const CorpusWords words = TaskWords();
  Corpus corpus(words, 7);
  for (int i = 0; i < 500; ++i) {
    const Sentences sentences = Parse(corpus.Next().text);
    EXPECT_EQ(std::set(sentences.words.begin(), sentences.words.end()).size(), sentences.words.size());
    EXPECT_THAT(sentences.verbs, testing::Each(sentences.verbs[0]));
    EXPECT_THAT(words.verbs, testing::Contains(sentences.verbs[0]));
    EXPECT_THAT(sentences.words, testing::AnyOf(testing::IsSubsetOf(words.nouns), testing::IsSubsetOf(words.names)));
  }
}

TEST(CorpusTest, FollowsEachTextsOrder) {
  Corpus corpus(TaskWords(), 8);
  for (int i = 0; i < 500; ++i) {
    const CorpusText text = corpus.Next();
    const std::vector<int> positions = Positions(Parse(text.text).members);
    const int step = text.order == MemberOrder::kAscending ? 1 : text.order == MemberOrder::kDescending ? -1 : 0;
    if (text.order == MemberOrder::kRandom) continue;
    for (size_t j = 1; j < positions.size(); ++j) EXPECT_EQ(positions[j], positions[j - 1] + step) << text.text;
  }
}

TEST(CorpusTest, KeepsTheProportionsOfOrders) {
  Corpus corpus(TaskWords(), 9);
  constexpr int kTexts = 10000;
  std::map<MemberOrder, int> counts;
  for (int i = 0; i < kTexts; ++i) ++counts[corpus.Next().order];
  for (size_t order = 0; order < Corpus::kOrderPercent.size(); ++order) {
    EXPECT_NEAR(100.0 * counts[static_cast<MemberOrder>(order)] / kTexts, Corpus::kOrderPercent[order], 2) << order;
  }
}

TEST(CorpusTest, ReachesEveryWordAndMember) {
  const CorpusWords words = TaskWords();
  Corpus corpus(words, 10);
  std::set<std::string> seen;
  for (int i = 0; i < 5000; ++i) {
    const Sentences sentences = Parse(corpus.Next().text);
    for (const auto* part : {&sentences.words, &sentences.verbs, &sentences.members}) {
      seen.insert(part->begin(), part->end());
    }
  }
  std::vector<std::vector<std::string>> lists = words.sequences;
  lists.insert(lists.end(), {words.nouns, words.names, words.verbs});
  for (const auto& list : lists) EXPECT_THAT(list, testing::IsSubsetOf(seen));
}

TEST(CorpusTest, RepeatsItselfForTheSameSeedOnly) {
  Corpus one(TaskWords(), 11), same(TaskWords(), 11), other(TaskWords(), 12);
  int different = 0;
  for (int i = 0; i < 20; ++i) {
    const std::string text = one.Next().text;
    EXPECT_EQ(text, same.Next().text);
    different += text != other.Next().text;
  }
  EXPECT_GT(different, 15);
}

}  // namespace
}  // namespace circuitd
