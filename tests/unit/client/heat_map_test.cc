#include "client/cli/heat_map.h"

#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "client/cli/colour_scale.h"
#include "client/cli/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Le;
using testing::Not;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

HeatMap SmallMap() {
  HeatMap map;
  map.title = "what heads do";
  map.row_axis = "layer";
  map.column_axis = "head";
  map.rows = {"0", "1"};
  map.columns = {"0", "1", "2"};
  map.values = {0.5, -1, 0, kNaN, 0.25, 1};
  return map;
}

HeatMap WideMap(size_t rows, size_t columns) {
  HeatMap map = SmallMap();
  map.rows.clear();
  map.columns.clear();
  map.values.clear();
  for (size_t row = 0; row < rows; ++row) map.rows.push_back(absl::StrCat("row ", row));
  for (size_t column = 0; column < columns; ++column) map.columns.push_back(absl::StrCat(column, " \" token\""));
  for (size_t i = 0; i < rows * columns; ++i) map.values.push_back(std::sin(static_cast<double>(i)));
  return map;
}

// Without escape sequences.
std::vector<std::string> Lines(const std::string& text) {
  std::string plain;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\x1b') {
      at = text.find('m', at);
    } else {
      plain.push_back(text[at]);
    }
  }
  std::vector<std::string> lines = absl::StrSplit(plain, '\n');
  EXPECT_EQ(lines.back(), "");
  lines.pop_back();
  return lines;
}

std::vector<size_t> Widths(const std::string& text) {
  std::vector<size_t> widths;
  for (const std::string& line : Lines(text)) widths.push_back(DisplayWidth(line));
  return widths;
}

TEST(HeatMapTextTest, WritesNumbersWhereThereAreNoColours) {
  EXPECT_EQ(RenderHeatMap(SmallMap(), 0, ColourDepth::kNone),
            "what heads do  [layer x head]\n"
            "       0      1      2\n"
            "0   0.50  -1.00   0.00\n"
            "1      -   0.25   1.00\n");
}

TEST(HeatMapTextTest, BreaksLabelsAboveWideCellsAndTurnsThemAboveNarrowOnes) {
  HeatMap map = SmallMap();
  map.columns = {"9 \" in\"", "10 \" Corn\"", "11 \"a\""};
  EXPECT_EQ(RenderHeatMap(map, 0, ColourDepth::kNone),
            "what heads do  [layer x head]\n"
            "       9     10     11\n"
            "         \" Corn\n"
            "   \" in\"      \"    \"a\"\n"
            "0   0.50  -1.00   0.00\n"
            "1      -   0.25   1.00\n");
  EXPECT_THAT(Lines(RenderHeatMap(map, 9, ColourDepth::k256)), Contains("   \" \" \""));
}

TEST(HeatMapTextTest, MarksOutlinedCells) {
  HeatMap map = SmallMap();
  map.outlined = {{0, 1}};
  map.outline_caption = "end:last_member";
  const std::string plain = RenderHeatMap(map, 0, ColourDepth::kNone);
  EXPECT_THAT(plain, HasSubstr(" *-1.00"));
  EXPECT_THAT(plain, HasSubstr("* end:last_member\n"));
  EXPECT_THAT(Lines(RenderHeatMap(map, 80, ColourDepth::k256)).at(2), HasSubstr("*-1.00"));
}

TEST(HeatMapTextTest, PutsColumnsThatDoNotFitBeneath) {
  const HeatMap map = WideMap(3, 40);
  const std::string text = RenderHeatMap(map, 80, ColourDepth::kNone);
  for (size_t width : {30u, 80u, 200u}) {
    EXPECT_THAT(Widths(RenderHeatMap(map, width, ColourDepth::kNone)), Each(Le(width)));
  }
  // Nothing is lost.
  for (double value : {map.values.front(), map.values.back()}) EXPECT_THAT(text, HasSubstr(CellText(value, 2)));
}

TEST(HeatMapTextTest, NeverExceedsTheWidth) {
  for (size_t width : {1u, 2u, 10u, 30u, 80u, 200u}) {
    for (const HeatMap& map : {SmallMap(), WideMap(5, 12), WideMap(4, 60), WideMap(2, 500)}) {
      for (ColourDepth depth : {ColourDepth::k256, ColourDepth::k24Bit}) {
        EXPECT_THAT(Widths(RenderHeatMap(map, width, depth)), Each(Le(std::max(width, size_t{3})))) << width;
      }
    }
  }
}

TEST(HeatMapTextTest, WritesNumbersIntoColouredCellsWhereTheyFit) {
  const std::string wide = RenderHeatMap(WideMap(2, 12), 200, ColourDepth::k24Bit);
  EXPECT_THAT(wide, HasSubstr("0.84"));
  EXPECT_THAT(wide, HasSubstr("\x1b[48;2;"));
  const std::string narrow = RenderHeatMap(WideMap(2, 12), 40, ColourDepth::k24Bit);
  EXPECT_THAT(narrow, Not(HasSubstr("0.84")));
  EXPECT_THAT(narrow, HasSubstr("█"));
}

TEST(HeatMapTextTest, ChoosesColoursOfTheDepth) {
  EXPECT_THAT(RenderHeatMap(SmallMap(), 80, ColourDepth::k256), HasSubstr("\x1b[48;5;"));
  EXPECT_THAT(RenderHeatMap(SmallMap(), 80, ColourDepth::k256), Not(HasSubstr("48;2;")));
  EXPECT_THAT(RenderHeatMap(SmallMap(), 80, ColourDepth::kNone), Not(HasSubstr("\x1b")));
}

TEST(HeatMapTextTest, MergesColumnsThatAreNarrowerThanOneCharacter) {
  const std::string text = RenderHeatMap(WideMap(2, 500), 80, ColourDepth::k256);
  EXPECT_THAT(text, HasSubstr("the strongest of 1 x"));
}

TEST(HeatMapTextTest, ShowsHostileLabelsAsEscapes) {
  HeatMap map = SmallMap();
  map.title = "\x1b[31mred\n";
  map.rows[0] = "\x1b]0;x\x07";
  map.columns[0] = "\u202e\u65e5\u05d0\u0301";
  for (ColourDepth depth : {ColourDepth::kNone, ColourDepth::k256}) {
    const std::string text = RenderHeatMap(map, 200, depth);
    EXPECT_THAT(text, Not(HasSubstr("\x1b]")));
    EXPECT_THAT(text, Not(HasSubstr("\x07")));
    EXPECT_THAT(text, Not(HasSubstr("\u202e")));
    EXPECT_THAT(text, HasSubstr("\\x1b[31mred\\n"));
  }
}

TEST(HeatMapTextTest, SurvivesWhatIsEmptyOrNotFinite) {
  HeatMap map = SmallMap();
  map.values.assign(6, std::numeric_limits<double>::infinity());
  EXPECT_THAT(RenderHeatMap(map, 80, ColourDepth::k24Bit), HasSubstr("·"));
  map.values.assign(6, std::numeric_limits<double>::max());
  map.values[0] = -map.values[1];
  EXPECT_THAT(RenderHeatMap(map, 80, ColourDepth::k24Bit), HasSubstr("1.8e+308"));
  map.columns.clear();
  map.values.clear();
  EXPECT_THAT(RenderHeatMap(map, 80, ColourDepth::k24Bit), HasSubstr("what heads do"));
}

TEST(HeatMapTest, ScalesAroundZeroOrFromIt) {
  HeatMap map = SmallMap();
  map.values = {0.5, 0.25, 0, kNaN, 0.25, 0.1};
  EXPECT_EQ(RangeOf(map).low, -0.5);
  map.scale = ColourScale::kSequential;
  EXPECT_EQ(RangeOf(map).low, 0);
  EXPECT_EQ(RangeOf(map).high, 0.5);
  map.values.assign(6, 0);
  EXPECT_LT(RangeOf(map).low, RangeOf(map).high);
}

TEST(HeatMapTest, MergesToTheValueFarthestFromZero) {
  HeatMap map = SmallMap();
  map.outlined = {{1, 2}};
  const HeatMap merged = Coarsened(map, 1, 2);
  EXPECT_THAT(merged.rows, ElementsAre("0"));
  EXPECT_THAT(merged.columns, ElementsAre("0", "2"));
  EXPECT_THAT(merged.values, ElementsAre(-1, 1));
  EXPECT_EQ(merged.outlined.count({0, 1}), 1u);
}

TEST(HeatMapTest, KeepsNumbersShort) {
  EXPECT_EQ(CellText(0.123, 2), "0.12");
  EXPECT_EQ(CellText(-0.001, 2), "0.00");
  EXPECT_EQ(CellText(-12.34, 2), "-12.3");
  EXPECT_EQ(CellText(123.4, 2), "123");
  EXPECT_EQ(CellText(123456, 2), "1.2e+05");
  EXPECT_EQ(CellText(kNaN, 2), "-");
  EXPECT_EQ(CellText(0.00123, DecimalsOf({-0.002, 0.002})), "0.0012");
  EXPECT_EQ(DecimalsOf({-1, 1}), 2);
  EXPECT_EQ(DecimalsOf({0, 1e-20}), 5);
}

TEST(ColourScaleTest, IsBlueWhiteRedAroundZero) {
  EXPECT_EQ(HexColour(ColourOf(ColourScale::kDiverging, {-2, 2}, -2)), "#2166ac");
  EXPECT_EQ(HexColour(ColourOf(ColourScale::kDiverging, {-2, 2}, 0)), "#f7f7f7");
  EXPECT_EQ(HexColour(ColourOf(ColourScale::kDiverging, {-2, 2}, 5)), "#b2182b");
  EXPECT_EQ(HexColour(InkOn({8, 48, 107})), "#ffffff");
  EXPECT_EQ(HexColour(InkOn({247, 247, 247})), "#000000");
}

// What a colour of the 256 looks like.
Rgb OfPalette(const std::string& sequence) {
  int index = 0;
  EXPECT_TRUE(absl::SimpleAtoi(absl::StripSuffix(absl::StripPrefix(sequence, "\x1b[48;5;"), "m"), &index)) << sequence;
  if (index >= 232) {
    const auto grey = static_cast<uint8_t>(8 + 10 * (index - 232));
    return {grey, grey, grey};
  }
  const auto level = [](int step) { return static_cast<uint8_t>(step == 0 ? 0 : 55 + 40 * step); };
  return {level((index - 16) / 36), level((index - 16) / 6 % 6), level((index - 16) % 6)};
}

// How people without one kind of cones see it, by the matrices of Machado, Oliveira and Fernandes (2009).
std::array<double, 3> SeenBy(const std::array<double, 9>& eye, Rgb colour) {
  std::array<double, 3> seen = {};
  for (size_t i = 0; i < 3; ++i) {
    seen[i] = eye[3 * i] * colour.red + eye[3 * i + 1] * colour.green + eye[3 * i + 2] * colour.blue;
  }
  return seen;
}

TEST(ColourScaleTest, TellsSignsApartForEveryEyeIn256Colours) {
  const std::vector<std::array<double, 9>> eyes = {
      {1, 0, 0, 0, 1, 0, 0, 0, 1},
      {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998},
      {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881},
      {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900}};
  for (size_t eye = 0; eye < eyes.size(); ++eye) {
    for (const double size : {0.25, 0.5, 0.75, 1.0}) {
      const auto seen = [&](double value) {
        return SeenBy(eyes[eye],
                      OfPalette(Background(ColourOf(ColourScale::kDiverging, {-1, 1}, value), ColourDepth::k256)));
      };
      const auto negative = seen(-size), positive = seen(size);
      double distance = 0;
      for (size_t i = 0; i < 3; ++i) distance += std::pow(negative[i] - positive[i], 2);
      EXPECT_GT(std::sqrt(distance), 30) << "eye " << eye << ", value " << size;
    }
  }
}

TEST(ColourScaleTest, GrowsDarkerWithTheSizeIn256Colours) {
  const auto brightness = [](ColourScale scale, ValueRange range, double value) {
    const Rgb colour = OfPalette(Background(ColourOf(scale, range, value), ColourDepth::k256));
    return 0.2126 * colour.red + 0.7152 * colour.green + 0.0722 * colour.blue;
  };
  for (double value = 0; value < 0.99; value += 0.25) {
    for (const double sign : {-1.0, 1.0}) {
      EXPECT_GT(brightness(ColourScale::kDiverging, {-1, 1}, sign * value),
                brightness(ColourScale::kDiverging, {-1, 1}, sign * (value + 0.25)))
          << sign * value;
    }
    EXPECT_GT(brightness(ColourScale::kSequential, {0, 1}, value),
              brightness(ColourScale::kSequential, {0, 1}, value + 0.25));
  }
}

}  // namespace
}  // namespace circuitd::client
