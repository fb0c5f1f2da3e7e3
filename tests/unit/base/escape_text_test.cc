#include "base/escape_text.h"

#include "gtest/gtest.h"

namespace circuitd {
namespace {

TEST(EscapeTextTest, LeavesPrintableUtf8Alone) {
  EXPECT_EQ(EscapeText("a Ġ é 漢 🙂 \\ \""), "a Ġ é 漢 🙂 \\ \"");
}

TEST(EscapeTextTest, ShowsControlCharactersAsEscapes) {
  EXPECT_EQ(EscapeText(absl::string_view("\x1b[31m\n\t\r\0\x7f", 10)), "\\x1b[31m\\n\\t\\r\\x00\\x7f");
}

TEST(EscapeTextTest, ShowsC1AndDirectionalCharactersAsEscapes) {
  EXPECT_EQ(EscapeText("\u009b\u202e\u200b\ufeff"), "\\u009b\\u202e\\u200b\\ufeff");
}

TEST(EscapeTextTest, ShowsBytesThatAreNotUtf8AsEscapes) {
  EXPECT_EQ(EscapeText("a\xff\xc3(\xe6\xbc"), "a\\xff\\xc3(\\xe6\\xbc");
}

TEST(QuoteTokenTest, EscapesQuotesAndBackslashes) { EXPECT_EQ(QuoteToken(" \"\\x"), "\" \\\"\\\\x\""); }

}  // namespace
}  // namespace circuitd
