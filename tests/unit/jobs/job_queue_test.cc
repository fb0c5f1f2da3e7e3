#include "server/jobs/job_queue.h"

#include <gtest/gtest.h>

#include "server/jobs/job_id.h"

namespace circuitd {
namespace {

TEST(JobQueueTest, TakesHighestPriorityThenOldest) {
  JobQueue queue;
  queue.Push("cpu", 0, 1, "old");
  queue.Push("cpu", 0, 2, "young");
  queue.Push("cpu", 5, 3, "urgent");
  queue.Push("cpu", -5, 0, "idle");
  EXPECT_EQ(queue.Position("urgent"), 0u);
  EXPECT_EQ(queue.Position("old"), 1u);
  EXPECT_EQ(queue.Position("young"), 2u);
  EXPECT_EQ(queue.Position("idle"), 3u);
  EXPECT_EQ(queue.Pop("cpu"), "urgent");
  EXPECT_EQ(queue.Pop("cpu"), "old");
  EXPECT_EQ(queue.Pop("cpu"), "young");
  EXPECT_EQ(queue.Pop("cpu"), "idle");
  EXPECT_EQ(queue.Pop("cpu"), std::nullopt);
}

TEST(JobQueueTest, DevicesHaveQueuesOfTheirOwn) {
  JobQueue queue;
  queue.Push("cpu", 0, 1, "a");
  queue.Push("cuda:0", 0, 2, "b");
  EXPECT_EQ(queue.Position("b"), 0u);
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.Pop("cuda:0"), "b");
  EXPECT_EQ(queue.Pop("cuda:0"), std::nullopt);
  EXPECT_EQ(queue.Pop("cuda:1"), std::nullopt);
  EXPECT_EQ(queue.size(), 1u);
}

TEST(JobQueueTest, RemovedJobsAreNotTaken) {
  JobQueue queue;
  queue.Push("cpu", 0, 1, "a");
  queue.Push("cpu", 0, 2, "b");
  EXPECT_TRUE(queue.Remove("a"));
  EXPECT_FALSE(queue.Remove("a"));
  EXPECT_EQ(queue.Position("a"), std::nullopt);
  EXPECT_EQ(queue.Position("b"), 0u);
  EXPECT_EQ(queue.Pop("cpu"), "b");
}

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
