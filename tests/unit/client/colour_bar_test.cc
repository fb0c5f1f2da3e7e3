#include "client/cli/colour_bar.h"

#include <cmath>
#include <limits>
#include <random>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(RoundTicksTest, AreOneTwoOrFiveTimesAPowerOfTenApart) {
  EXPECT_THAT(RoundTicks({0, 1}, 6), ElementsAre(0, 0.2, 0.4, 3 * 0.2, 0.8, 1));
  EXPECT_THAT(RoundTicks({-8.26, 8.26}, 5), ElementsAre(-5, 0, 5));
  EXPECT_THAT(RoundTicks({-3, 3}, 5), ElementsAre(-2, 0, 2));
  EXPECT_THAT(RoundTicks({0, 0.57}, 5), ElementsAre(0, 0.2, 0.4));
}

TEST(RoundTicksTest, AreThreeOrMoreAroundZeroAndNeverTooMany) {
  std::mt19937 random(7);
  std::uniform_real_distribution<double> exponent(-300, 308);
  for (int i = 0; i < 1000; ++i) {
    const double high = std::pow(10, exponent(random));
    const std::vector<double> ticks = RoundTicks({-high, high}, 5);
    ASSERT_GE(ticks.size(), 3u) << high;
    ASSERT_LE(ticks.size(), 5u) << high;
    EXPECT_EQ(ticks[ticks.size() / 2], 0) << high;
    EXPECT_LE(ticks.back(), high * (1 + 1e-9));
  }
  const double largest = std::numeric_limits<double>::max();
  EXPECT_THAT(RoundTicks({-largest, largest}, 5), ElementsAre(-1e308, 0, 1e308));
}

TEST(ColourBarTest, NamesTheQuantityAboveAndNumbersBeside) {
  HeatMap map;
  map.values = {-4, 2};
  map.quantity = "<logits>";
  const std::string svg = ColourBar(map).Svg(10, 100, 96);
  EXPECT_THAT(svg, HasSubstr("y=\"88\" font-size=\"11\" fill=\"#5a6673\">&lt;logits&gt;</text>"));
  for (const char* tick : {">-4</text>", ">-2</text>", ">0</text>", ">2</text>", ">4</text>"}) {
    EXPECT_THAT(svg, HasSubstr(tick));
  }
  EXPECT_THAT(svg, HasSubstr("url(#diverging)"));
  EXPECT_THAT(svg, Not(HasSubstr("url(#sequential)")));
}

TEST(ColourBarTest, IsAsWideAsItsTexts) {
  HeatMap map;
  map.values = {1};
  const int narrow = ColourBar(map).width();
  map.quantity = "a quantity with a long name";
  EXPECT_GT(ColourBar(map).width(), narrow + 50);
}

}  // namespace
}  // namespace circuitd::client
