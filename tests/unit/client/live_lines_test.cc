#include "client/cli/live_lines.h"

#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

constexpr TerminalSize kTerminal = {.width = 40, .height = 10};

TEST(LiveLinesTest, SendsOnlyWhatHasChangedAndTheLastLine) {
  LiveLines lines;
  EXPECT_EQ(lines.Draw({"one", "two", "bar"}, kTerminal), "\rone\x1b[K\ntwo\x1b[K\nbar\x1b[K");
  EXPECT_EQ(lines.Draw({"one", "TWO", "bar"}, kTerminal), "\r\x1b[2A\nTWO\x1b[K\nbar\x1b[K");
  EXPECT_EQ(lines.Draw({"one", "TWO", "three", "bar"}, kTerminal), "\r\x1b[2A\n\nthree\x1b[K\nbar\x1b[K");
}

TEST(LiveLinesTest, TakesLinesAwayThatAreNoLongerThere) {
  LiveLines lines;
  lines.Draw({"one", "two", "bar"}, kTerminal);
  EXPECT_EQ(lines.Draw({"bar"}, kTerminal),
            "\r\x1b[2A"
            "bar\x1b[K\x1b[J");
  EXPECT_EQ(lines.Draw({"bar"}, kTerminal), "\rbar\x1b[K");
}

TEST(LiveLinesTest, LeavesTheFirstLinesAtTheEnd) {
  LiveLines lines;
  EXPECT_EQ(lines.End(0, kTerminal), "");
  lines.Draw({"one", "two", "bar"}, kTerminal);
  EXPECT_EQ(lines.End(2, kTerminal), "\r\x1b[J");
  EXPECT_EQ(lines.End(2, kTerminal), "");
  lines.Draw({"one", "two", "bar"}, kTerminal);
  EXPECT_EQ(lines.End(0, kTerminal), "\r\x1b[2A\x1b[J");
  lines.Draw({"one"}, kTerminal);
  EXPECT_EQ(lines.End(1, kTerminal), "\n");
  EXPECT_EQ(lines.count(), 0u);
}

TEST(LiveLinesTest, CountsTheRowsThatANarrowerTerminalHasMadeOfALine) {
  LiveLines lines;
  // 35, 5 and 12 columns: 4, 1 and 2 rows.
  lines.Draw({std::string(35, 'x'), "\x1b[48;5;17m·····\x1b[0m", std::string(12, '#')}, kTerminal);
  EXPECT_EQ(lines.Draw({"one", "bar"}, {.width = 10, .height = 10}), "\r\x1b[6A\x1b[Jone\x1b[K\nbar\x1b[K\x1b[J");
  EXPECT_EQ(lines.Draw({"one", "bar"}, {.width = 10, .height = 4}), "\r\x1b[1A\x1b[Jone\x1b[K\nbar\x1b[K");
}

}  // namespace
}  // namespace circuitd::client
