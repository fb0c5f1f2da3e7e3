#include "client/cli/text.h"

#include "client/cli/table.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

TEST(TruncateTest, CountsCharactersNotBytes) {
  EXPECT_EQ(Truncate("éééé", 4), "éééé");
  EXPECT_EQ(Truncate("éééé", 3), "éé~");
  EXPECT_EQ(Truncate("abc", 1), "~");
  EXPECT_EQ(Truncate("abc", 0), "");
}

TEST(NumberTextTest, GroupsThousands) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(1000), "1,000");
  EXPECT_EQ(WithThousands(124439808), "124,439,808");
}

TEST(NumberTextTest, ScalesBytes) {
  EXPECT_EQ(ByteSize(1023), "1023 B");
  EXPECT_EQ(ByteSize(1536), "1.5 KiB");
  EXPECT_EQ(ByteSize(uint64_t{80} << 30), "80.0 GiB");
  EXPECT_EQ(ByteSize((uint64_t{1} << 20) - 1), "1.0 MiB");
}

TEST(NumberTextTest, ShowsTimesAsAClock) {
  EXPECT_EQ(ClockTime(7.4), "0:07");
  EXPECT_EQ(ClockTime(59.6), "1:00");
  EXPECT_EQ(ClockTime(3723), "1:02:03");
  EXPECT_EQ(ClockTime(-1), "-:--");
  EXPECT_EQ(ClockTime(1.0 / 0.0), "-:--");
}

TEST(CountOfTest, SaysOneAndMany) {
  EXPECT_EQ(CountOf(0, "step"), "0 steps");
  EXPECT_EQ(CountOf(1, "step"), "1 step");
  EXPECT_EQ(CountOf(1234, "MLP"), "1,234 MLPs");
}

TEST(TableTest, AlignsColumns) {
  Table table({"NAME", ">SIZE"});
  table.Add({"a", "1"});
  table.Add({"longer", "1000"});
  EXPECT_EQ(table.Render(0, false),
            "NAME    SIZE\n"
            "a          1\n"
            "longer  1000\n");
}

TEST(TableTest, CutsTheWidestColumnToTheWidth) {
  Table table({"NAME", "WHAT"});
  table.Add({"a", "a long description of it"});
  EXPECT_EQ(table.Render(16, false),
            "NAME  WHAT\n"
            "a     a long de~\n");
}

TEST(TableTest, ContinuesBelowRatherThanCutNumbers) {
  Table table({"NAME", ">FIRST", ">SECOND", ">A LONG HEADING"});
  table.Add({"a long name", "1.2345", "123456", "0.1234"});
  EXPECT_EQ(table.Render(20, false),
            "NAME         FIRST\n"
            "a long na~  1.2345\n"
            "\n"
            "NAME        SECOND\n"
            "a long na~  123456\n"
            "\n"
            "NAME    A LONG HEAD~\n"
            "a lon~        0.1234\n");
}

TEST(TableTest, NeverCutsNumbersHoweverNarrow) {
  Table table({">COUNT", ">SIZE"});
  table.Add({"1,234,567,890", "987,654"});
  EXPECT_EQ(table.Render(3, false), "        COUNT     SIZE\n1,234,567,890  987,654\n");
}

TEST(TableTest, EscapesCells) {
  Table table({"OWNER"});
  table.Add({"\x1b]0;owned\x07"});
  EXPECT_EQ(table.Render(0, false), "OWNER\n\\x1b]0;owned\\x07\n");
}

TEST(TableTest, EscapesHeadings) {
  EXPECT_EQ(Table({"\x1b[31mX\nY\t", ">\x07"}).Render(0, false), "\\x1b[31mX\\nY\\t  \\x07\n");
}

TEST(TableTest, WritesBoldHeadingsOnRequest) { EXPECT_EQ(Table({"A"}).Render(0, true), "\x1b[1mA\x1b[0m\n"); }

}  // namespace
}  // namespace circuitd::client
