#include "server/service/job_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/graph/head_details.h"
#include "server/readings/head_details_reading.h"
#include "tests/unit/testing/tiny_model_maker.h"

namespace circuitd {
namespace {

class FakeContext : public JobContext {
 public:
  absl::Status Checkpoint() override { return ++checkpoints_ == stops_at_ ? stop_ : absl::OkStatus(); }
  void Emit(std::string, std::string, absl::Duration) override { ADD_FAILURE() << "has no events"; }
  const std::vector<std::string>& past_events() const override { return events_; }
  const std::string& past_progress() const override { return progress_; }

  int checkpoints_ = 0, stops_at_ = 0;
  absl::Status stop_;

 private:
  std::vector<std::string> events_;
  std::string progress_;
};

class FoundPlan : public JobPlan {
 public:
  using JobPlan::JobPlan;
  JobCost Cost() const override { return {}; }
  absl::StatusOr<PlanOutcome> Run(PlanRun&) const override { return absl::UnimplementedError("has run"); }
};

class JobReportTest : public ::testing::Test {
 protected:
  void AddPrompts(const std::vector<std::vector<int>>& prompts) {
    JobPrompts& added = material_.prompts.emplace_back();
    for (const std::vector<int>& prompt : prompts) added.pairs.push_back({prompt, {}, {}, {}, {}});
  }

  absl::StatusOr<JobOutcome> Report(std::vector<std::string> labels) {
    material_.model = testing::TinyModel();
    material_.memory_budget_bytes = 1 << 30;
    const FoundPlan plan(material_);
    PlanRun run(metrics_, context_);
    return WithReport(plan, {"result", {{"own.json", "application/json", "{}"}}, {}, std::move(labels)}, run);
  }

  JobMaterial material_;
  Metrics metrics_{"test"};
  FakeContext context_;
};

TEST_F(JobReportTest, HasTheHeadsOfEachSetOfPrompts) {
  AddPrompts({{1, 2, 3}, {4, 5, 6}, {7, 8}});
  AddPrompts({{9, 10}});
  const auto outcome = Report({"first", "second"});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->result, "result");
  ASSERT_EQ(outcome->artifacts.size(), 2u);
  EXPECT_EQ(outcome->artifacts[0].name, "own.json");
  EXPECT_EQ(outcome->artifacts[1].name, "heads.json");
  EXPECT_EQ(outcome->artifacts[1].media_type, "application/json");
  const auto sets = ParseHeadDetails(outcome->artifacts[1].bytes, testing::TinyConfig());
  ASSERT_TRUE(sets.ok()) << sets.status();
  ASSERT_EQ(sets->size(), 2u);
  EXPECT_EQ((*sets)[0].label, "first");
  EXPECT_EQ((*sets)[0].prompt_count, 2);
  EXPECT_EQ((*sets)[1].label, "second");
  EXPECT_EQ((*sets)[1].tokens.size(), 2u);
}

TEST_F(JobReportTest, KeepsWhatWasFoundIfNothingElseCanBeMade) {
  // Token 99 is none of the model's, which torch throws at; of own.json alone there is no report.
  AddPrompts({{1, 99}});
  const auto outcome = Report({"prompts"});
  ASSERT_TRUE(outcome.ok()) << outcome.status();
  EXPECT_EQ(outcome->result, "result");
  ASSERT_EQ(outcome->artifacts.size(), 1u);
  EXPECT_EQ(outcome->artifacts[0].name, "own.json");
}

TEST_F(JobReportTest, StopsWhereItsCheckpointSaysSo) {
  AddPrompts({{1, 2, 3}});
  for (const absl::Status& stop : {absl::CancelledError("cancelled"), absl::DeadlineExceededError("too late"),
                                   absl::AbortedError("another turn"), absl::ResourceExhaustedError("disk is full")}) {
    for (const int checkpoint : {1, 2, 3, 4}) {  // the last before the report
      context_.checkpoints_ = 0;
      context_.stops_at_ = checkpoint;
      context_.stop_ = stop;
      EXPECT_EQ(Report({"prompts"}).status(), stop);
    }
  }
}

TEST_F(JobReportTest, TakesAsMuchMemoryAsTheLargestSet) {
  AddPrompts({{1, 2, 3}});
  AddPrompts({{1, 2, 3, 4, 5, 6}});
  material_.model = testing::TinyModel();
  material_.memory_budget_bytes = 1 << 30;
  EXPECT_EQ(ReportBytes(FoundPlan(material_)), HeadDetailsBytes(*material_.model, material_.prompts[1].pairs, 1 << 30));
}

}  // namespace
}  // namespace circuitd
