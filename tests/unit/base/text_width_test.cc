#include "base/text_width.h"

#include <gtest/gtest.h>

namespace circuitd {
namespace {

TEST(TextWidthTest, AddsUpTheAdvances) {
  EXPECT_EQ(TextWidth("", 20), 0);
  EXPECT_EQ(TextWidth("il", 100), 56);
  EXPECT_EQ(TextWidth("WM", 100), 99 + 87);
  EXPECT_EQ(TextWidth("WM", 10, FontWeight::kBold), 22);  // 21.1
  EXPECT_EQ(TextWidth("~", 100), 84);
}

TEST(TextWidthTest, CountsCharactersAndNotBytes) {
  EXPECT_EQ(TextWidth("\u00e9\u65e5", 100), 216);
  EXPECT_EQ(TextWidth("\U0001F600", 100), 140);
}

TEST(FitTextTest, LeavesWhatFits) {
  EXPECT_EQ(FitText("ill", 84, 100), "ill");
  EXPECT_EQ(FitText("", 0, 10), "");
}

TEST(FitTextTest, CutsBetweenCharactersAndSaysSo) {
  EXPECT_EQ(FitText("MMMM", 87 * 2 + 108, 100), "MM\u2026");
  EXPECT_EQ(FitText("\u00e9\u00e9\u00e9", 250, 100), "\u00e9\u2026");
  EXPECT_EQ(FitText("MMMM", 1, 100), "\u2026");
}

}  // namespace
}  // namespace circuitd
