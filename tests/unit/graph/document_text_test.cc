// What is left of hostile text.
#include "server/graph/document_text.h"

#include <gtest/gtest.h>

namespace circuitd {
namespace {

constexpr char kReplacement[] = "\uFFFD";

TEST(DocumentTextTest, ReplacesControlCharacters) {
  for (const char* control :
       {"\x01", "\n", "\x1b", "\x7f", "\xC2\x80", "\xC2\x9F", "\u202A", "\u202E", "\u2066", "\u2069", "\xff"}) {
    EXPECT_EQ(CleanText(std::string("a") + control + "b"), std::string("a") + kReplacement + "b");
  }
  EXPECT_EQ(CleanText(std::string(1, '\0')), kReplacement);
}

TEST(DocumentTextTest, KeepsTextAsItIs) {
  for (const char* text : {"", "plain", "\u00a0\u00e9", "\u2029\u202F", "\u2065\u206A", "\U0001F600", "\u3042\u5f0f"}) {
    EXPECT_EQ(CleanText(text), text);
    EXPECT_FALSE(HasControls(text)) << text;
  }
}

TEST(DocumentTextTest, FindsControlCharacters) {
  for (const char* text : {"\t", "a\x7f", "ab\u202E", "\u2067b", "\xC2\x85"}) EXPECT_TRUE(HasControls(text)) << text;
  EXPECT_TRUE(HasControls(absl::string_view("a\0", 2)));
}

}  // namespace
}  // namespace circuitd
