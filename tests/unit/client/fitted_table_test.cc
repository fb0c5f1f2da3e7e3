#include "client/cli/fitted_table.h"

#include <string>
#include <vector>

#include "client/cli/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

FittedTable Jobs() {
  FittedTable table({{"JOB", 0, 9}, {"MODEL", 6, 5}, {"DONE", 0, 8}, {"RATE", 0, 2, true}, {"", 4, 1}});
  table.Add({{"one"}, {"a-long-model-name"}, {"5/10", 0.5}, {"1.0/s"}, {}});
  table.Add({{"three"}, {"short"}, {"10/10", 1.0}, {"12.5/s"}, {}});
  return table;
}

std::vector<std::string> Plain(const FittedTable& table, size_t width) {
  return table.Render(width, 100, ColourDepth::kNone);
}

TEST(FittedTableTest, BarsTakeTheRoomThatIsLeft) {
  EXPECT_THAT(Plain(Jobs(), 60), ElementsAre("JOB    MODEL              DONE                          RATE",
                                             "one    a-long-model-name  [#########---------] 5/10    1.0/s",
                                             "three  short              [##################] 10/10  12.5/s"));
}

TEST(FittedTableTest, TextsLoseTheirEndsFirst) {
  EXPECT_THAT(Plain(Jobs(), 45), ElementsAre("JOB    MODEL           DONE              RATE",
                                             "one    a-long-model-~  [###---] 5/10    1.0/s",
                                             "three  short           [######] 10/10  12.5/s"));
}

TEST(FittedTableTest, ColumnsOfTheLeastWorthGoNext) {
  EXPECT_THAT(Plain(Jobs(), 32), ElementsAre("JOB    MODEL      DONE", "one    a-long-m~  [###---] 5/10",
                                             "three  short      [######] 10/10"));
  EXPECT_THAT(Plain(Jobs(), 24), ElementsAre("JOB    DONE", "one    [####-----] 5/10", "three  [#########] 10/10"));
  EXPECT_THAT(Plain(Jobs(), 7), ElementsAre("JOB", "one", "three"));
  EXPECT_THAT(Plain(Jobs(), 3), ElementsAre("JOB", "one", "th~"));
}

TEST(FittedTableTest, EveryLineFits) {
  for (size_t width = 1; width < 100; ++width) {
    for (const std::string& line : Plain(Jobs(), width)) EXPECT_LE(DisplayWidth(line), width) << line;
  }
}

TEST(FittedTableTest, NothingIsCutWithoutLimit) {
  EXPECT_THAT(Plain(Jobs(), 0)[1], AllOf(HasSubstr("a-long-model-name"), HasSubstr("5/10"), Not(HasSubstr("~"))));
}

TEST(FittedTableTest, ShowsTheFirstRowsOfAll) {
  const auto some = Jobs().Render(60, 1, ColourDepth::kNone);
  const auto all = Plain(Jobs(), 60);
  EXPECT_THAT(some, ElementsAre(all[0], all[1]));
}

TEST(FittedTableTest, TextOfAnybodyHasAColumnForEachCharacter) {
  FittedTable table({{"NAME"}, {"NEXT"}});
  table.Add({{"\x1b[31m\n"}, {"a"}});
  table.Add({{"\u202egpj"}, {"b"}});
  table.Add({{"模型"}, {"c"}});
  EXPECT_THAT(Plain(table, 40),
              ElementsAre("NAME          NEXT", "\\x1b[31m\\n    a", "\\u202egpj     b", "\\u6a21\\u578b  c"));
}

TEST(FittedTableTest, ColoursChangeNoLetter) {
  FittedTable table({{"NAME"}, {"SHARE"}});
  table.Add({{"red", {}, Rgb{255, 0, 0}}, {"50 %", 0.5, Rgb{0, 0, 255}}});
  EXPECT_THAT(table.Render(24, 9, ColourDepth::k24Bit),
              ElementsAre("\x1b[1mNAME  SHARE\x1b[0m",
                          "\x1b[38;2;255;0;0mred\x1b[0m   \x1b[38;2;0;0;255m[#####------]\x1b[0m 50 %"));
  EXPECT_THAT(Plain(table, 24), ElementsAre("NAME  SHARE", "red   [#####------] 50 %"));
}

}  // namespace
}  // namespace circuitd::client
