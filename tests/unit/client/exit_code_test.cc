#include "client/cli/exit_code.h"

#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

// Scripts depend on these numbers.
TEST(ExitCodeTest, MapsStatuses) {
  EXPECT_EQ(ExitCode(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCode(absl::InternalError("")), 1);
  EXPECT_EQ(ExitCode(absl::DataLossError("")), 1);
  EXPECT_EQ(ExitCode(absl::UnimplementedError("")), 1);
  EXPECT_EQ(ExitCode(absl::InvalidArgumentError("")), 2);
  EXPECT_EQ(ExitCode(absl::OutOfRangeError("")), 2);
  EXPECT_EQ(ExitCode(absl::AlreadyExistsError("")), 2);
  EXPECT_EQ(ExitCode(absl::NotFoundError("")), 3);
  EXPECT_EQ(ExitCode(absl::UnavailableError("")), 4);
  EXPECT_EQ(ExitCode(absl::FailedPreconditionError("")), 5);
  EXPECT_EQ(ExitCode(absl::ResourceExhaustedError("")), 7);
  EXPECT_EQ(ExitCode(absl::DeadlineExceededError("")), 8);
}

TEST(ExitCodeTest, MapsJobStates) {
  EXPECT_EQ(ExitCode(v1::JOB_STATE_SUCCEEDED), 0);
  EXPECT_EQ(ExitCode(v1::JOB_STATE_RUNNING), 1);
  EXPECT_EQ(ExitCode(v1::JOB_STATE_FAILED), 5);
  EXPECT_EQ(ExitCode(v1::JOB_STATE_CANCELLED), 6);
}

}  // namespace
}  // namespace circuitd::client
