#include "server/readings/detailed_heads.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using Prompt = std::vector<int>;

PromptPairs PairsOf(const std::vector<Prompt>& prompts) {
  PromptPairs pairs;
  for (const Prompt& prompt : prompts) pairs.push_back({prompt, {}, {}, {}, {}});
  return pairs;
}

TEST(DetailedHeadsTest, TakesPromptsOfTheMostCommonLengthInOrder) {
  const PromptPairs pairs = PairsOf({{1}, {2, 3}, {4, 5, 6}, {7, 8}, {9, 10, 11}, {12, 13}});
  EXPECT_THAT(PromptsOfCommonLength(pairs, 256), ElementsAre(Prompt{2, 3}, Prompt{7, 8}, Prompt{12, 13}));
  EXPECT_THAT(PromptsOfCommonLength(pairs, 2), ElementsAre(Prompt{2, 3}, Prompt{7, 8}));
}

TEST(DetailedHeadsTest, TakesTheShortestOfEquallyCommonLengths) {
  EXPECT_THAT(PromptsOfCommonLength(PairsOf({{4, 5, 6}, {1, 2}, {7, 8, 9}, {3, 3}, {1}}), 256),
              ElementsAre(Prompt{1, 2}, Prompt{3, 3}));
}

TEST(DetailedHeadsTest, TakesHeadsOfCircuitsFirstAndSortsThem) {
  ModelConfig config;
  config.n_layers = 3;
  config.n_heads = 2;
  const NodeSet circuit = {Node::Head(2, 1), Node::Head(1, 0), Node::Mlp(0)};
  EXPECT_THAT(ChooseHeads(config, circuit, 4),
              ElementsAre(Node::Head(0, 0), Node::Head(0, 1), Node::Head(1, 0), Node::Head(2, 1)));
  EXPECT_THAT(ChooseHeads(config, circuit, 1), ElementsAre(Node::Head(1, 0)));
  EXPECT_THAT(ChooseHeads(config, circuit, 256), SizeIs(6));
}

TEST(DetailedHeadsTest, HasAtMost48Cells) {
  EXPECT_EQ(PositionsPerCell(1), 1);
  EXPECT_EQ(PositionsPerCell(48), 1);
  EXPECT_EQ(PositionsPerCell(49), 2);
  EXPECT_EQ(PositionsPerCell(96), 2);
  EXPECT_EQ(PositionsPerCell(1024), 22);  // 47 cells
}

TEST(DetailedHeadsTest, MergesIntoTheLargestOfACell) {
  const std::vector<float> mean = {1,    0,    0,    0,   0,     // of cell 0
                                   0.25, 0.75, 0,    0,   0,     //
                                   0.5,  0.3,  0.2,  0,   0,     // of cell 1
                                   0.1,  0.6,  0.1,  0.2, 0,     //
                                   0.1,  0.05, 0.15, 0.3, 0.4};  // of cell 2
  EXPECT_THAT(MergeIntoCells(mean, 5, 2), ElementsAre(1, 0.6f, 0.2f, 0.1f, 0.3f, 0.4f));
  EXPECT_THAT(MergeIntoCells(std::vector<float>{1, 0, 0.25, 0.75}, 2, 1), ElementsAre(1, 0.25, 0.75));
}

TEST(DetailedHeadsTest, HasNoAttentionAboveOne) {
  EXPECT_THAT(MergeIntoCells(std::vector<float>{1.0000001f}, 1, 1), ElementsAre(1));
}

TEST(DetailedHeadsTest, FindsWhatTheLastPositionAttendsToMost) {
  std::vector<float> mean(25);
  const std::vector<float> last = {0.1, 0.3, 0.1, 0.2, 0.3};
  std::copy(last.begin(), last.end(), mean.begin() + 20);
  EXPECT_THAT(MostAttended(mean, Prompt{5, 6, 7, 8, 9}, 3), ElementsAre(1, 4, 3));
  // One token twice.
  EXPECT_THAT(MostAttended(mean, Prompt{5, 6, 7, 8, 6}, 3), ElementsAre(1, 3, 0));
  EXPECT_THAT(MostAttended(mean, Prompt{5, 6, 6, 5, 6}, 3), ElementsAre(1, 3));
}

}  // namespace
}  // namespace circuitd
