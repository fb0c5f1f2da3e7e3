// Statuses that name a field.
#include "base/status.h"

#include <gtest/gtest.h>

namespace circuitd {
namespace {

TEST(StatusTest, RemembersTheField) {
  const absl::Status status = InvalidField("threshold", "150, must be 0-100");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "threshold: 150, must be 0-100");
  EXPECT_EQ(FieldOf(status), "threshold");
  EXPECT_EQ(FieldOf(absl::InternalError("x")), std::nullopt);
}

TEST(StatusTest, PrefixesTheField) {
  const absl::Status nested = WithFieldPrefix("interventions[2]", InvalidField("layer", "12, model has 12 (0-11)"));
  EXPECT_EQ(nested.message(), "interventions[2].layer: 12, model has 12 (0-11)");
  EXPECT_EQ(FieldOf(nested), "interventions[2].layer");
  EXPECT_EQ(FieldOf(WithFieldPrefix("prompts", InvalidField("[3]", "empty"))), "prompts[3]");
  EXPECT_TRUE(WithFieldPrefix("x", absl::OkStatus()).ok());
}

TEST(StatusTest, NamesTheFieldOfAnErrorWithoutOne) {
  const absl::Status status = WithFieldPrefix("model", absl::NotFoundError("no such model"));
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(status.message(), "model: no such model");
  EXPECT_EQ(FieldOf(status), "model");
}

absl::StatusOr<int> Half(int value) {
  if (value % 2 != 0) return InvalidField("value", "odd");
  return value / 2;
}

absl::StatusOr<int> Quarter(int value) {
  ASSIGN_OR_RETURN(const int half, Half(value));
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  RETURN_IF_ERROR(absl::OkStatus());
  return quarter;
}

TEST(StatusTest, PassesErrorsOn) {
  EXPECT_EQ(*Quarter(12), 3);
  EXPECT_EQ(Quarter(6).status().message(), "value: odd");
}

}  // namespace
}  // namespace circuitd
