#include "client/tensor_set.h"

#include <cmath>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;

TEST(NumbersOfTest, ReadsEveryType) {
  EXPECT_THAT(NumbersOf({"", v1::DATA_TYPE_FLOAT32, {2}, std::string("\0\0\x80\x3f\0\0\0\xc0", 8)}),
              ElementsAre(1, -2));
  EXPECT_THAT(NumbersOf({"", v1::DATA_TYPE_BFLOAT16, {2}, std::string("\x80\x3f\0\xc0", 4)}), ElementsAre(1, -2));
  // 1, -2, the largest, the smallest, half of the smallest normal one.
  EXPECT_THAT(NumbersOf({"", v1::DATA_TYPE_FLOAT16, {5}, std::string("\0\x3c\0\xc0\xff\x7b\x01\0\0\x02", 10)}),
              ElementsAre(1, -2, 65504, std::ldexp(1, -24), std::ldexp(1, -15)));
  EXPECT_THAT(NumbersOf({"", v1::DATA_TYPE_FLOAT16, {1}, std::string("\0\xfc", 2)}),
              ElementsAre(-std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(std::isnan(NumbersOf({"", v1::DATA_TYPE_FLOAT16, {1}, std::string("\x01\x7c", 2)})[0]));
  EXPECT_THAT(NumbersOf({"", v1::DATA_TYPE_INT64, {1}, std::string(8, '\xff')}), ElementsAre(-1));
}

TEST(TensorSetTest, ReadsBackWhatWasAdded) {
  TensorSet set;
  set.AddFloats("a", {1, 2}, {0.5, -1});
  EXPECT_THAT(set.Read("a", {1, 2}).value(), ElementsAre(0.5, -1));
}

TEST(TensorSetTest, RejectsMissingTensorsAndOtherShapes) {
  TensorSet set;
  set.AddFloats("a", {1, 2}, {0.5, -1});
  EXPECT_EQ(set.Read("b", {1, 2}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(set.Read("a", {2, 1}).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(set.Read("a", {2}).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace circuitd::client
