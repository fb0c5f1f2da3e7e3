#include "client/cli/position_text.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ParsePositionsTest, ReadsNumbersTokensRolesAndIds) {
  const auto parsed = ParsePositions("0,-1,role:last_member,token: in,id:257,token:.");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->indices(), ElementsAre(0, -1));
  EXPECT_THAT(parsed->roles(), ElementsAre("last_member"));
  ASSERT_EQ(parsed->tokens_size(), 3);
  EXPECT_EQ(parsed->tokens(0).text(), " in");
  EXPECT_THAT(parsed->tokens(1).tokens().ids(), ElementsAre(257));
  EXPECT_EQ(parsed->tokens(2).text(), ".");
}

TEST(ParsePositionsTest, ReadsQuotedTokens) {
  const auto parsed = ParsePositions(R"(token:" a, b:\"\\",3)");
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->tokens(0).text(), R"( a, b:"\)");
  EXPECT_THAT(parsed->indices(), ElementsAre(3));
}

TEST(ParsePositionsTest, RejectsTheRest) {
  for (const char* text : {"", "x", "1,", "1.5", "id:x", "id:-1", "2147483648", "rol:end"}) {
    const auto parsed = ParsePositions(text);
    EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("is not a whole number")) << text;
  }
  for (const char* text : {"token:\"x", "token:\"x\"y", "token:\"", "token:\"x\\\""}) {
    EXPECT_EQ(ParsePositions(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(ParseRoleTest, ReadsNameAndPosition) {
  EXPECT_EQ(ParseRole("a=b=17").value(), std::pair(std::string("a=b"), 17u));
  EXPECT_EQ(ParseRole("a").status().code(), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace circuitd::client
