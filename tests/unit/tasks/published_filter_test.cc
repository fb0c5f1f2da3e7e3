// The published filter of prompts.
#include "server/tasks/published_filter.h"

#include <gtest/gtest.h>

#include <cmath>

namespace circuitd {
namespace {

TEST(PublishedFilterTest, WantsCorrectTokenFirst) {
  EXPECT_TRUE(PassesPublishedFilter(5, 0.6, 0.1, {5}));
  EXPECT_TRUE(PassesPublishedFilter(6, 0.6, 0.1, {5, 6}));
  EXPECT_FALSE(PassesPublishedFilter(4, 0.6, 0.1, {5, 6}));
  EXPECT_FALSE(PassesPublishedFilter(4, 0.6, 0.1, {}));
}

TEST(PublishedFilterTest, WantsCorrectTwiceAsLikely) {
  EXPECT_TRUE(PassesPublishedFilter(5, 0.5, 0.25, {5}));
  EXPECT_FALSE(PassesPublishedFilter(5, 0.5, 0.2501, {5}));
  EXPECT_TRUE(PassesPublishedFilter(5, 0.5, 0, {5}));
}

TEST(PublishedFilterTest, RejectsNan) {
  EXPECT_FALSE(PassesPublishedFilter(5, NAN, 0.1, {5}));
  EXPECT_FALSE(PassesPublishedFilter(5, 0.5, NAN, {5}));
}

}  // namespace
}  // namespace circuitd
