// Positions by number, token and role.
#include "server/model/position_selector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace circuitd {
namespace {

using ::testing::ElementsAre;

const std::vector<int> kPrompt = {5, 9, 5, 7};
const PromptRoles kRoles = {{"first", 0}, {"last", 3}, {"beyond", 4}, {"before", -1}};

std::vector<int> Select(const PositionSelector& selector) {
  const auto positions = SelectPositions(selector, kPrompt, kRoles);
  EXPECT_TRUE(positions.ok()) << positions.status();
  return positions.value_or(std::vector<int>());
}

std::string ErrorOf(const PositionSelector& selector) {
  const absl::Status status = SelectPositions(selector, kPrompt, kRoles).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(PositionSelectorTest, SelectsAllByDefault) { EXPECT_THAT(Select({}), ElementsAre(0, 1, 2, 3)); }

TEST(PositionSelectorTest, CountsNegativeIndicesFromTheEnd) {
  EXPECT_THAT(Select({{-1, 1, -4}, {}, {}}), ElementsAre(0, 1, 3));
}

TEST(PositionSelectorTest, FindsEveryPositionOfAToken) { EXPECT_THAT(Select({{}, {5}, {}}), ElementsAre(0, 2)); }

TEST(PositionSelectorTest, FindsRoles) { EXPECT_THAT(Select({{}, {}, {"last", "first"}}), ElementsAre(0, 3)); }

TEST(PositionSelectorTest, GivesEachPositionOnce) {
  EXPECT_THAT(Select({{2, 1}, {5, 7}, {"first"}}), ElementsAre(0, 1, 2, 3));
}

TEST(PositionSelectorTest, NamesWhatThePromptLacks) {
  EXPECT_EQ(ErrorOf({{0, 4}, {}, {}}), "indices[1]: 4, the prompt has 4 tokens");
  EXPECT_EQ(ErrorOf({{-5}, {}, {}}), "indices[0]: -5, the prompt has 4 tokens");
  EXPECT_EQ(ErrorOf({{std::numeric_limits<int>::min()}, {}, {}}), "indices[0]: -2147483648, the prompt has 4 tokens");
  EXPECT_EQ(ErrorOf({{}, {5, 6}, {}}), "tokens[1]: the prompt has no token 6");
  EXPECT_EQ(ErrorOf({{}, {}, {"first", "middle"}}), "roles[1]: the prompt has no role \"middle\"");
}

TEST(PositionSelectorTest, NamesWhatIsThereTwice) {
  EXPECT_EQ(ErrorOf({{3, -1}, {}, {}}), "indices[1]: -1, position 3 of the prompt is there already");
  EXPECT_EQ(ErrorOf({{}, {5, 7, 5}, {}}), "tokens[2]: 5 is there twice");
  EXPECT_EQ(ErrorOf({{}, {}, {"last", "last"}}), "roles[1]: \"last\" is there twice");
}

TEST(PositionSelectorTest, RefusesARoleOutsideThePrompt) {
  EXPECT_EQ(ErrorOf({{}, {}, {"beyond"}}), "roles[0]: \"beyond\" is position 4, the prompt has 4 tokens");
  EXPECT_EQ(ErrorOf({{}, {}, {"before"}}), "roles[0]: \"before\" is position -1, the prompt has 4 tokens");
}

TEST(PositionSelectorTest, SelectsInManyPromptsAndNamesTheOneAtFault) {
  const std::vector<std::vector<int>> prompts = {{1, 2, 3}, {4, 5}};
  const auto positions = SelectPositionsOfAll({{-1}, {}, {}}, prompts, {});
  ASSERT_TRUE(positions.ok()) << positions.status();
  EXPECT_THAT(*positions, ElementsAre(ElementsAre(2), ElementsAre(1)));
  EXPECT_EQ(SelectPositionsOfAll({{2}, {}, {}}, prompts, {}).status().message(),
            "indices[0]: 2, prompts[1] has 2 tokens");
  const std::vector<PromptRoles> roles = {{{"x", 0}}, {}};
  EXPECT_EQ(SelectPositionsOfAll({{}, {}, {"x"}}, prompts, roles).status().message(),
            "roles[0]: prompts[1] has no role \"x\"");
  EXPECT_EQ(SelectPositionsOfAll({{}, {}, {"x"}}, prompts, {}).status().message(),
            "roles[0]: prompts[0] has no role \"x\"");
}

}  // namespace
}  // namespace circuitd
