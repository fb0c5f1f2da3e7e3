#include "server/service/attribution_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "circuitd/v1/job.pb.h"

namespace circuitd {
namespace {

using testing::ElementsAre;

// Keeps what a run emits, and begins with what an earlier one did.
class FakeContext : public JobContext {
 public:
  absl::Status Checkpoint() override { return absl::OkStatus(); }
  void Emit(std::string payload, std::string progress, absl::Duration remaining) override {
    EXPECT_GT(remaining, absl::ZeroDuration());
    events_.push_back(std::move(payload));
    progress_ = std::move(progress);
  }
  const std::vector<std::string>& past_events() const override { return events_; }
  const std::string& past_progress() const override { return progress_; }

  std::vector<std::string> events_;
  std::string progress_;
};

class AttributionLogTest : public testing::Test {
 protected:
  v1::JobProgress Progress() const {
    v1::JobProgress progress;
    EXPECT_TRUE(progress.ParseFromString(context_.progress_));
    return progress;
  }

  const ModelConfig config_{.n_layers = 2, .n_heads = 2};
  Metrics metrics_{"test"};
  FakeContext context_;
  PlanRun run_{metrics_, context_};
};

TEST_F(AttributionLogTest, JoinsStepsThatComeFasterThanTheirBytesMayBeStored) {
  AttributionLog log(config_, /*by_receivers=*/false, /*pairs_per_step=*/4);
  // At 100 kB a second they would take half a minute each.
  std::vector<double> sums(45'000'000 / 100);
  for (int64_t step = 1; step <= 3; ++step) {
    sums.front() = static_cast<double>(step);
    log.Add({step * 4, 0, sums, 3 - step}, run_);
  }
  ASSERT_EQ(context_.events_.size(), 2u);
  EXPECT_EQ(Progress().steps_done(), 3u);
  EXPECT_EQ(Progress().steps_left(), 0u);
  const auto past = log.Past(run_);
  ASSERT_TRUE(past.ok()) << past.status();
  ASSERT_EQ(past->size(), 2u);
  EXPECT_EQ(past->front().sums.front(), 1);
  EXPECT_EQ(past->back().pairs_done, 12);
  EXPECT_EQ(past->back().sums.front(), 5);
}

TEST_F(AttributionLogTest, TellsTheFirstStepAtOnce) {
  AttributionLog log(config_, /*by_receivers=*/false, /*pairs_per_step=*/4);
  const std::vector<double> sums(450'000);
  log.Add({4, 0, sums, 2}, run_);
  EXPECT_EQ(context_.events_.size(), 1u);
  EXPECT_EQ(Progress().steps_done(), 1u);
  log.Add({8, 0, sums, 1}, run_);
  EXPECT_EQ(context_.events_.size(), 1u);
}

TEST_F(AttributionLogTest, KeepsReceiversApart) {
  AttributionLog log(config_, /*by_receivers=*/true, /*pairs_per_step=*/1);
  log.Add({3, 1, {0.5, -1}, 1}, run_);
  log.Add({3, 2, {0.25}, 0}, run_);
  ASSERT_EQ(context_.events_.size(), 2u);
  v1::AttributionStep event;
  ASSERT_TRUE(event.ParseFromString(context_.events_[0]));
  EXPECT_EQ(event.receiver().kind(), v1::NODE_KIND_LOGITS);
  const auto past = log.Past(run_);
  ASSERT_TRUE(past.ok()) << past.status();
  ASSERT_EQ(past->size(), 2u);
  EXPECT_THAT(past->at(0).sums, ElementsAre(0.5, -1));
  EXPECT_EQ(past->at(0).receivers_done, 1);
  EXPECT_EQ(past->at(1).receivers_done, 2);
  EXPECT_EQ(Progress().steps_done(), 2u);
}

TEST_F(AttributionLogTest, SaysWhenAStoredStepIsDamaged) {
  AttributionLog log(config_, /*by_receivers=*/false, /*pairs_per_step=*/4);
  v1::AttributionStep event;
  event.set_sums("1234567");
  context_.events_ = {event.SerializeAsString()};
  EXPECT_FALSE(log.Past(run_).ok());
  context_.events_ = {"\xff"};
  EXPECT_EQ(log.Past(run_).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace circuitd
