// Lists of indices that requests choose.
#include "server/model/index_validation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ValidateIndicesTest, NamesTheIndexAndTheBound) {
  EXPECT_TRUE(ValidateIndices("heads", {}, 8).ok());
  EXPECT_TRUE(ValidateIndices("heads", {7, 0, 3}, 8).ok());
  const absl::Status outside = ValidateIndices("heads", {0, 12}, 8);
  EXPECT_EQ(outside.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(outside.message(), "heads[1]: 12, model has 8 (0-7)");
  EXPECT_EQ(ValidateIndices("layers", {-1}, 3).message(), "layers[0]: -1, model has 3 (0-2)");
  EXPECT_EQ(ValidateIndices("layers", {2, 0, 2}, 3).message(), "layers[2]: 2 is there twice");
}

TEST(OrAllTest, ReplacesNoneByAll) {
  EXPECT_THAT(OrAll({2, 0}, 3), ElementsAre(2, 0));
  EXPECT_THAT(OrAll({}, 3), ElementsAre(0, 1, 2));
  EXPECT_THAT(OrAll({}, 0), IsEmpty());
}

}  // namespace
}  // namespace circuitd
