#include "client/cli/decision_board.h"

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "client/cli/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Le;
using testing::Not;
using testing::SizeIs;

v1::Node Head(uint32_t layer, uint32_t head, v1::HeadInput input = v1::HEAD_INPUT_UNSPECIFIED) {
  v1::Node node;
  node.set_kind(v1::NODE_KIND_ATTENTION_HEAD);
  node.set_layer(layer);
  node.set_head(head);
  node.set_input(input);
  return node;
}

v1::Node Mlp(uint32_t layer) {
  v1::Node node;
  node.set_kind(v1::NODE_KIND_MLP);
  node.set_layer(layer);
  return node;
}

v1::Node Kind(v1::NodeKind kind) {
  v1::Node node;
  node.set_kind(kind);
  return node;
}

// Decides as a server would: candidates in order, each with the score of the circuit without it.
class NodeBoard {
 public:
  void Remove(const v1::Node& node, double score) { Decide(node, score, true); }
  void Keep(const v1::Node& node, double score) { Decide(node, score, false); }
  void Decide(const v1::Node& node, double score, bool removed) {
    v1::JobEvent event;
    v1::PruningDecision& decision = *event.mutable_decision()->mutable_decision();
    decision.set_index(index_++);
    *decision.mutable_node() = node;
    decision.set_score(score);
    decision.set_removed(removed);
    board_.Update(event);
  }
  void BeginLater() { index_ = 40; }
  const DecisionBoard& board() const { return board_; }

 private:
  uint64_t index_ = 0;
  DecisionBoard board_;
};

// Of all layers but the lowest two, of which the upper one is half done: every third node stays.
NodeBoard Sweep(uint32_t layers, uint32_t heads) {
  NodeBoard nodes;
  nodes.Remove(Mlp(layers - 1), 99);
  uint32_t count = 0;
  for (uint32_t layer = layers; layer-- > 1;) {
    if (layer + 1 < layers) nodes.Keep(Mlp(layer), 99 - 3.5 * (layer + 1));
    for (uint32_t head = 0; head < (layer > 1 ? heads : heads / 2); ++head) {
      ++count;
      nodes.Decide(Head(layer, head), count % 3 == 0 ? 98 - count % 7 : 99, count % 3 != 0);
    }
  }
  return nodes;
}

v1::JobEvent EdgeEvent(const v1::Node& sender, const v1::Node& receiver, bool removed) {
  v1::JobEvent event;
  v1::EdgeDecision& decision = *event.mutable_decision()->mutable_edge_decision();
  *decision.mutable_edge()->mutable_sender() = sender;
  *decision.mutable_edge()->mutable_receiver() = receiver;
  decision.set_removed(removed);
  return event;
}

// Logits and the last of two layers, one of whose heads is out of the circuit.
DecisionBoard EdgeBoard() {
  DecisionBoard board;
  const auto logits = Kind(v1::NODE_KIND_LOGITS);
  const auto embed = Kind(v1::NODE_KIND_EMBED);
  for (const v1::Node& sender : {Mlp(1), Head(1, 0), Head(1, 2), Mlp(0), Head(0, 0), Head(0, 1), Head(0, 2)}) {
    board.Update(EdgeEvent(sender, logits, /*removed=*/sender.layer() == 0));
  }
  board.Update(EdgeEvent(Mlp(0), Mlp(1), false));
  board.Update(EdgeEvent(embed, Mlp(1), false));
  for (const v1::HeadInput input : {v1::HEAD_INPUT_Q, v1::HEAD_INPUT_K, v1::HEAD_INPUT_V}) {
    board.Update(EdgeEvent(Mlp(0), Head(1, 0, input), input != v1::HEAD_INPUT_V));
  }
  board.Update(EdgeEvent(embed, Head(1, 2, v1::HEAD_INPUT_Q), true));
  return board;
}

std::string Text(const DecisionBoard& board, const BoardView& view) {
  return absl::StrCat("\n", absl::StrJoin(RenderBoard(board, view), "\n"), "\n");
}

std::string Plain(std::string text) {
  std::string plain;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\x1b') {
      at = text.find('m', at);
    } else {
      plain.push_back(text[at]);
    }
  }
  return plain;
}

TEST(DecisionBoardTest, GrowsWithLayersAndHeads) {
  NodeBoard nodes;
  EXPECT_THAT(RenderBoard(nodes.board(), {}), IsEmpty());
  nodes.Keep(Mlp(2), 80);
  EXPECT_EQ(nodes.board().layers(), 3u);
  EXPECT_EQ(nodes.board().heads(), 0u);
  nodes.Remove(Head(2, 0), 99);
  nodes.Keep(Head(2, 1), 97);
  EXPECT_EQ(Text(nodes.board(), {.width = 79}), R"(
      0    1   MLP
2     -> 2.0  20.0
1     ·    ·     ·
0     ·    ·     ·
· undecided  - left  4.2 stays: points lost without it  > last
)");
}

TEST(DecisionBoardTest, ShowsWhatIsLostWithoutANode) {
  const NodeBoard nodes = Sweep(12, 12);
  EXPECT_EQ(Text(nodes.board(), {.width = 77, .height = 22}), R"(
       0    1    2    3    4    5    6    7    8    9   10   11   MLP
11     -    -  4.0    -    -  7.0    -    -  3.0    -    -  6.0     -
10     -    -  2.0    -    -  5.0    -    -  1.0    -    -  4.0  38.5
 9     -    -  7.0    -    -  3.0    -    -  6.0    -    -  2.0  35.0
 8     -    -  5.0    -    -  1.0    -    -  4.0    -    -  7.0  31.5
 7     -    -  3.0    -    -  6.0    -    -  2.0    -    -  5.0  28.0
 6     -    -  1.0    -    -  4.0    -    -  7.0    -    -  3.0  24.5
 5     -    -  6.0    -    -  2.0    -    -  5.0    -    -  1.0  21.0
 4     -    -  4.0    -    -  7.0    -    -  3.0    -    -  6.0  17.5
 3     -    -  2.0    -    -  5.0    -    -  1.0    -    -  4.0  14.0
 2     -    -  7.0    -    -  3.0    -    -  6.0    -    -  2.0  10.5
 1     -    -  5.0    -    -> 1.0    ·    ·    ·    ·    ·    ·   7.0
 0     ·    ·    ·    ·    ·    ·    ·    ·    ·    ·    ·    ·     ·
· undecided  - left  4.2 stays: points lost without it  > last
)");
}

TEST(DecisionBoardTest, KnowsNoLossBeforeTheScoreIsKnown) {
  NodeBoard nodes;
  nodes.BeginLater();
  nodes.Keep(Head(0, 0), 70);
  nodes.Remove(Head(0, 1), 90);
  nodes.Keep(Head(0, 2), 70);
  const std::string text = Text(nodes.board(), {.width = 77});
  EXPECT_THAT(text, HasSubstr("\n0     o    ->20.0"));
}

TEST(DecisionBoardTest, ShowsTheLaterDecisionOfANode) {
  NodeBoard nodes;
  nodes.Keep(Head(0, 0), 70);
  nodes.Keep(Head(0, 1), 70);
  nodes.Remove(Head(0, 0), 95);
  EXPECT_THAT(Text(nodes.board(), {.width = 77}), HasSubstr("\n0 >   - 30.0"));
}

TEST(DecisionBoardTest, ShowsSymbolsWhereNumbersDoNotFit) {
  const NodeBoard nodes = Sweep(12, 12);
  EXPECT_EQ(Text(nodes.board(), {.width = 50, .height = 22}), R"(
    0  1  2  3  4  5  6  7  8  9 10 11   M
11  -  -  o  -  -  o  -  -  o  -  -  o   -
10  -  -  o  -  -  o  -  -  o  -  -  o   #
 9  -  -  o  -  -  o  -  -  o  -  -  o   #
 8  -  -  o  -  -  o  -  -  o  -  -  o   #
 7  -  -  o  -  -  o  -  -  o  -  -  o   #
 6  -  -  o  -  -  o  -  -  o  -  -  o   #
 5  -  -  o  -  -  o  -  -  o  -  -  o   #
 4  -  -  o  -  -  o  -  -  o  -  -  o   #
 3  -  -  o  -  -  o  -  -  o  -  -  o   #
 2  -  -  o  -  -  o  -  -  o  -  -  o   #
 1  -  -  o  -  - >o  ·  ·  ·  ·  ·  ·   o
 0  ·  ·  ·  ·  ·  ·  ·  ·  ·  ·  ·  ·   ·
· undecided  - left  o stays  # worth 10 points
)");
  EXPECT_EQ(Text(nodes.board(), {.width = 32, .height = 22}), R"(
    0   2   4   6   8  10    M
11  - - o - - o - - o - - o  -
10  - - o - - o - - o - - o  #
 9  - - o - - o - - o - - o  #
 8  - - o - - o - - o - - o  #
 7  - - o - - o - - o - - o  #
 6  - - o - - o - - o - - o  #
 5  - - o - - o - - o - - o  #
 4  - - o - - o - - o - - o  #
 3  - - o - - o - - o - - o  #
 2  - - o - - o - - o - - o  #
 1  - - o - ->o · · · · · ·  o
 0  · · · · · · · · · · · ·  ·
· undecided  - left  o stays
)");
  EXPECT_EQ(Text(nodes.board(), {.width = 18, .height = 22}), R"(
   0    5   10  M
11 --o--o--o--o -
10 --o--o--o--o #
 9 --o--o--o--o #
 8 --o--o--o--o #
 7 --o--o--o--o #
 6 --o--o--o--o #
 5 --o--o--o--o #
 4 --o--o--o--o #
 3 --o--o--o--o #
 2 --o--o--o--o #
 1 --o--?······ o
 0 ············ ·
· undecided
)");
}

TEST(DecisionBoardTest, FitsTheLargestModelIntoTwentyFourLines) {
  const NodeBoard nodes = Sweep(48, 25);
  EXPECT_EQ(Text(nodes.board(), {.width = 77, .height = 22}), R"(
       0   2   4   6   8  10  12  14  16  18  20  22  24  M
45-47  o o o o o o o o o o o o o o o o o o o o o o o o o  o
42-44  o o o o o o o o o o o o o o o o o o o o o o o o o  #
39-41  o o o o o o o o o o o o o o o o o o o o o o o o o  #
36-38  o o o o o o o o o o o o o o o o o o o o o o o o o  #
33-35  o o o o o o o o o o o o o o o o o o o o o o o o o  #
30-32  o o o o o o o o o o o o o o o o o o o o o o o o o  #
27-29  o o o o o o o o o o o o o o o o o o o o o o o o o  #
24-26  o o o o o o o o o o o o o o o o o o o o o o o o o  #
21-23  o o o o o o o o o o o o o o o o o o o o o o o o o  #
18-20  o o o o o o o o o o o o o o o o o o o o o o o o o  #
15-17  o o o o o o o o o o o o o o o o o o o o o o o o o  #
12-14  o o o o o o o o o o o o o o o o o o o o o o o o o  #
 9-11  o o o o o o o o o o o o o o o o o o o o o o o o o  #
  6-8  o o o o o o o o o o o o o o o o o o o o o o o o o  #
  3-5  o o o o o o o o o o o o o o o o o o o o o o o o o  #
  0-2  - o o - o o - o o - o>o - - o - - o - - o - - o -  #
· undecided  - left  o stays  # worth 10 points  > last  most of 3 layers
)");
  EXPECT_THAT(RenderBoard(nodes.board(), {.width = 197, .height = 58}), SizeIs(50));
}

TEST(DecisionBoardTest, ShowsWhichEdgesIntoANodeStay) {
  EXPECT_EQ(Text(EdgeBoard(), {.width = 77}), R"(
           0    1    2   MLP
logits   43%
     1   33%     >   -  100%
     0     ·    ·    ·     ·
· undecided  - none stays  % of the edges into it that stay  > last
)");
  EXPECT_EQ(Text(EdgeBoard(), {.width = 20}), R"(
        0  1  2   M
logits  4
     1  3    >-   #
     0  ·  ·  ·   ·
· undecided
)");
}

TEST(DecisionBoardTest, TakesNoMoreRoomThanThereIs) {
  for (const DecisionBoard& board : {Sweep(12, 12).board(), Sweep(48, 25).board(), EdgeBoard()}) {
    for (const ColourDepth depth : {ColourDepth::kNone, ColourDepth::k256, ColourDepth::k24Bit}) {
      for (size_t width = 0; width < 210; ++width) {
        for (const size_t height : {0u, 3u, 10u, 22u, 60u}) {
          const auto lines = RenderBoard(board, {.width = width, .height = height, .depth = depth});
          EXPECT_LE(lines.size(), height);
          for (const std::string& line : lines) EXPECT_LE(DisplayWidth(Plain(line)), width) << line;
        }
      }
    }
  }
}

TEST(DecisionBoardTest, LeavesOutABoardThatSaysTooLittle) {
  const NodeBoard nodes = Sweep(48, 25);
  EXPECT_THAT(RenderBoard(nodes.board(), {.width = 77, .height = 10}), IsEmpty());
  EXPECT_THAT(RenderBoard(nodes.board(), {.width = 25, .height = 60}), IsEmpty());
}

TEST(DecisionBoardTest, SaysInColourWhatItSaysWithout) {
  for (const NodeBoard& nodes : {Sweep(12, 12)}) {
    BoardView view{.width = 77, .height = 22, .mark_last = false};
    const auto plain = RenderBoard(nodes.board(), view);
    view.depth = ColourDepth::k24Bit;
    const auto coloured = RenderBoard(nodes.board(), view);
    ASSERT_EQ(coloured.size(), plain.size());
    // But for the legend, which has the scale.
    for (size_t i = 0; i + 1 < plain.size(); ++i) EXPECT_EQ(Plain(coloured[i]), plain[i]);
    EXPECT_THAT(coloured[2], HasSubstr("\x1b[48;2;"));
    view.depth = ColourDepth::k256;
    EXPECT_THAT(RenderBoard(nodes.board(), view)[2], HasSubstr("\x1b[48;5;"));
    EXPECT_THAT(absl::StrJoin(plain, ""), Not(HasSubstr("\x1b")));
  }
}

TEST(DecisionBoardTest, ColoursWhatIsLostMoreDarker) {
  NodeBoard nodes;
  nodes.Keep(Head(0, 0), 96);
  nodes.Keep(Head(0, 1), 0);
  const auto lines = RenderBoard(nodes.board(), {.depth = ColourDepth::k24Bit, .mark_last = false});
  EXPECT_THAT(lines.at(1), HasSubstr("\x1b[48;2;8;48;107m\x1b[38;2;255;255;255m  100"));
  EXPECT_THAT(lines.at(1), HasSubstr("\x1b[38;2;0;0;0m  4.0"));
}

TEST(DecisionBoardTest, SurvivesHostileDecisions) {
  NodeBoard nodes;
  nodes.Keep(Head(std::numeric_limits<uint32_t>::max(), 0), 90);
  nodes.Keep(Mlp(std::numeric_limits<uint32_t>::max()), 90);
  nodes.Keep(Kind(v1::NODE_KIND_EMBED), 90);
  EXPECT_TRUE(nodes.board().empty());
  nodes.Keep(Head(0, 4095), std::numeric_limits<double>::quiet_NaN());
  nodes.Keep(Head(0, 0), -std::numeric_limits<double>::infinity());
  EXPECT_THAT(RenderBoard(nodes.board(), {}), IsEmpty());
  NodeBoard small;
  small.Keep(Head(0, 0), std::numeric_limits<double>::quiet_NaN());
  small.Keep(Head(0, 1), -std::numeric_limits<double>::infinity());
  small.Keep(Head(0, 2), 1e300);
  EXPECT_THAT(RenderBoard(small.board(), {.depth = ColourDepth::k24Bit}), SizeIs(3));
  DecisionBoard empty;
  v1::JobEvent event;
  event.mutable_decision()->mutable_edge_decision();
  empty.Update(event);
  EXPECT_THAT(RenderBoard(empty, {}), IsEmpty());
}

}  // namespace
}  // namespace circuitd::client
