#include "server/service/pages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace circuitd {
namespace {

using testing::ElementsAre;

std::pair<std::vector<std::string>, std::string> Take(std::vector<std::string> items, uint32_t size,
                                                      const std::string& token) {
  const auto page = ParsePage("words", size, token);
  EXPECT_TRUE(page.ok()) << page.status();
  return TakePage("words", std::move(items), *page, [](const std::string& word) { return word; });
}

TEST(PagesTest, PagesFollowOneAnother) {
  const std::vector<std::string> words = {"a", "b", "c", "d", "e"};
  auto [first, token] = Take(words, 2, "");
  EXPECT_THAT(first, ElementsAre("a", "b"));
  auto [second, next] = Take(words, 2, token);
  EXPECT_THAT(second, ElementsAre("c", "d"));
  auto [third, last] = Take(words, 2, next);
  EXPECT_THAT(third, ElementsAre("e"));
  EXPECT_EQ(last, "");
}

TEST(PagesTest, ExactlyFullLastPageHasNoToken) {
  EXPECT_EQ(Take({"a", "b"}, 2, "").second, "");
  EXPECT_EQ(Take({}, 2, "").second, "");
}

TEST(PagesTest, GoesOnWhenItemsComeAndGo) {
  const std::string token = Take({"a", "b", "c"}, 2, "").second;
  EXPECT_THAT(Take({"a", "aa", "c", "d"}, 2, token).first, ElementsAre("c", "d"));
}

TEST(PagesTest, SizesOverTheLargestAreTheLargest) {
  EXPECT_EQ(ParsePage("words", 1001, "")->size, 1000u);
  EXPECT_EQ(ParsePage("words", 4'000'000'000u, "")->size, 1000u);
}

TEST(PagesTest, RefusesBadTokens) {
  EXPECT_EQ(ParsePage("words", 0, "")->size, 100u);
  EXPECT_EQ(FieldOf(ParsePage("words", 0, "%%%").status()), "page_token");
  EXPECT_EQ(FieldOf(ParsePage("words", 0, MakePageToken("jobs", "x")).status()), "page_token");
}

}  // namespace
}  // namespace circuitd
