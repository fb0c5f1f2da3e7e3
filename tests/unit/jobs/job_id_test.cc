#include "server/jobs/job_id.h"

#include <gtest/gtest.h>

namespace circuitd {
namespace {

TEST(JobIdTest, IdsAreValidAndDiffer) {
  const std::string id = NewJobId();
  EXPECT_TRUE(IsJobId(id));
  EXPECT_NE(id, NewJobId());
  EXPECT_FALSE(IsJobId(""));
  EXPECT_FALSE(IsJobId(id + "a"));
  EXPECT_FALSE(IsJobId("../../../../"));
  EXPECT_FALSE(IsJobId(std::string(12, 'A')));
}

}  // namespace
}  // namespace circuitd
