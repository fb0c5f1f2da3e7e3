// UTF-8 validation at the borders of what is well-formed.
#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace circuitd {
namespace {

TEST(Utf8Test, AcceptsWellFormedText) {
  for (const char* text : {"", "plain", "é", "€", "𝄞", "\xF4\x8F\xBF\xBF", "\xED\x9F\xBF", "\xEE\x80\x80"}) {
    EXPECT_EQ(FirstInvalidUtf8(text), std::nullopt) << text;
  }
  EXPECT_EQ(FirstInvalidUtf8(absl::string_view("a\0b", 3)), std::nullopt);
}

TEST(Utf8Test, FindsTheFirstByteThatIsNot) {
  const auto at = [](absl::string_view text) { return FirstInvalidUtf8(text).value_or(99); };
  EXPECT_EQ(at("ab\xFF"), 2);
  EXPECT_EQ(at("\x80"), 0);              // continuation without lead
  EXPECT_EQ(at("a\xC3"), 1);             // cut short
  EXPECT_EQ(at("a\xE2\x82"), 1);         //
  EXPECT_EQ(at("\xC0\xAF"), 0);          // overlong
  EXPECT_EQ(at("\xE0\x9F\xBF"), 0);      //
  EXPECT_EQ(at("\xF0\x8F\xBF\xBF"), 0);  //
  EXPECT_EQ(at("\xED\xA0\x80"), 0);      // surrogate
  EXPECT_EQ(at("\xF4\x90\x80\x80"), 0);  // over U+10FFFF
  EXPECT_EQ(at("é\xE2\x28\xA1"), 2);     // not a continuation
}

}  // namespace
}  // namespace circuitd
