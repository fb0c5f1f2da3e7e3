#include "client/cli/progress.h"

#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <utility>

#include "client/cli/progress_printer.h"
#include "client/cli/queue_text.h"
#include "client/cli/step_text.h"
#include "client/cli/summary.h"
#include "client/cli/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::HasSubstr;

// Candidate `made` of an iteration of 36, half a second each.
v1::JobEvent Decision(uint64_t made, uint64_t left, uint32_t iteration) {
  v1::JobEvent event;
  v1::PruningDecision& decision = *event.mutable_decision()->mutable_decision();
  decision.mutable_node()->set_kind(v1::NODE_KIND_ATTENTION_HEAD);
  decision.mutable_node()->set_layer(3);
  decision.mutable_node()->set_head(1);
  decision.set_index(made - 1);
  decision.set_iteration(iteration);
  decision.set_score(97.104);
  decision.set_removed(true);
  decision.set_heads_kept(20);
  decision.set_mlps_kept(3);
  v1::JobProgress& progress = *event.mutable_decision()->mutable_progress();
  progress.set_steps_done(made);
  progress.set_steps_left(left);
  progress.set_iteration(iteration);
  progress.mutable_elapsed()->set_seconds(static_cast<int64_t>(made / 2));
  progress.mutable_remaining_estimate()->set_seconds(12);
  return event;
}

TEST(JobProgressViewTest, ShowsEverythingOnAWideLine) {
  JobProgressView view;
  view.Update(Decision(1, 35, 0));
  view.Update(Decision(12, 24, 0));
  EXPECT_EQ(view.RenderBar(120),
            "[#########-------------------] 12/36  ETA 0:12  A3.1 97.10% removed  kept 20 heads 3 MLPs  1.8/s  "
            "iteration 1");
}

TEST(StepRateTest, IsThatOfTheLastStretch) {
  StepRate rate;
  rate.Add(100, 5000);
  EXPECT_EQ(rate.PerSecond(), std::nullopt);
  rate.Add(100.2, 5001);
  EXPECT_EQ(rate.PerSecond(), std::nullopt);
  for (int i = 1; i <= 60; ++i) rate.Add(100 + i, 5000 + 10 * static_cast<uint64_t>(i));
  EXPECT_DOUBLE_EQ(*rate.PerSecond(), 10);
  for (int i = 1; i <= 30; ++i) rate.Add(160 + i, 5600 + 2 * static_cast<uint64_t>(i));
  EXPECT_DOUBLE_EQ(*rate.PerSecond(), 2);
}

TEST(StepRateTest, MeasuresSlowStepsAndManyAtOnce) {
  StepRate slow, fast;
  for (int i = 0; i < 10; ++i) slow.Add(60.0 * i, static_cast<uint64_t>(i));
  EXPECT_EQ(RateText(*slow.PerSecond()), "1.0/min");
  for (uint64_t i = 0; i < 100'000; ++i) fast.Add(static_cast<double>(i) / 5000, i);
  EXPECT_EQ(RateText(*fast.PerSecond()), "5,000/s");
}

TEST(StepRateTest, BeginsAnewWhereNumbersGoBack) {
  StepRate rate;
  rate.Add(500, 100);
  rate.Add(510, 200);
  rate.Add(3, 201);
  EXPECT_EQ(rate.PerSecond(), std::nullopt);
  rate.Add(4, 203);
  EXPECT_EQ(RateText(*rate.PerSecond()), "2.0/s");
  rate.Reset();
  EXPECT_EQ(rate.PerSecond(), std::nullopt);
}

TEST(JobProgressViewTest, LeavesOutTheLessImportantOnANarrowLine) {
  JobProgressView view;
  view.Update(Decision(1, 35, 0));
  view.Update(Decision(12, 24, 0));
  EXPECT_EQ(view.RenderBar(60), "[#######--------------] 12/36  ETA 0:12  A3.1 97.10% removed");
  EXPECT_EQ(view.RenderBar(20), "[####--------] 12/36");
  EXPECT_EQ(view.RenderBar(5), "12/36");
  EXPECT_EQ(view.RenderBar(3), "12~");
}

TEST(JobProgressViewTest, NeverExceedsTheWidth) {
  JobProgressView view;
  view.Update(Decision(1, 35, 0));
  view.Update(Decision(35, 1, 0));
  for (size_t width = 0; width < 200; ++width) EXPECT_LE(DisplayWidth(view.RenderBar(width)), width);
}

TEST(JobProgressViewTest, BeginsTheBarAgainInEachIteration) {
  JobProgressView view;
  view.Update(Decision(1, 35, 0));
  view.Update(Decision(36, 0, 0));
  EXPECT_THAT(view.RenderBar(40), HasSubstr(" 36/36 "));
  view.Update(Decision(37, 17, 1));
  EXPECT_THAT(view.RenderBar(40), HasSubstr(" 1/18 "));
}

TEST(JobProgressViewTest, SaysHowManyJobsAreBefore) {
  v1::Job job;
  job.set_state(v1::JOB_STATE_QUEUED);
  job.set_queue_position(2);
  JobProgressView view;
  view.Update(job);
  EXPECT_EQ(view.RenderBar(80), "queued, 2 before it");
  job.set_held_back_by("the disk is full");
  view.Update(job);
  EXPECT_EQ(view.RenderBar(80), "queued, 2 before it; held back: the disk is full");
}

// A job that has begun, made 12 decisions of 36, and waits again.
v1::Job WaitingAgain() {
  v1::Job job;
  job.set_state(v1::JOB_STATE_QUEUED);
  job.set_last_sequence(15);
  job.set_queue_position(1);
  job.mutable_start_time()->set_seconds(1);
  job.mutable_progress()->set_steps_done(12);
  job.mutable_progress()->set_steps_left(24);
  return job;
}

v1::JobEvent StateEvent(uint64_t sequence, v1::JobState state) {
  v1::JobEvent event;
  event.set_sequence(sequence);
  event.set_state(state);
  return event;
}

TEST(JobProgressViewTest, GoesOnAfterAJobHasWaitedAgain) {
  JobProgressView view;
  view.Update(StateEvent(2, v1::JOB_STATE_RUNNING));
  view.Update(Decision(1, 35, 0));
  view.Update(Decision(12, 24, 0));
  view.Update(StateEvent(15, v1::JOB_STATE_QUEUED));
  EXPECT_EQ(view.RenderBar(80), "queued again; 12 decisions so far");
  view.Refresh(WaitingAgain());
  EXPECT_EQ(view.RenderBar(80), "queued again, 1 before it; 12 decisions so far");
  view.Update(StateEvent(16, v1::JOB_STATE_RUNNING));
  EXPECT_THAT(view.RenderBar(60), HasSubstr(" 12/36  "));
  view.Refresh(WaitingAgain());  // an answer from before it went on
  EXPECT_THAT(view.RenderBar(60), HasSubstr(" 12/36  "));
  view.Update(Decision(13, 23, 0));
  EXPECT_THAT(view.RenderBar(60), HasSubstr(" 13/36  "));
}

TEST(JobProgressViewTest, ShowsTheJobAsItIsWhileItIsToldWhatWasBefore) {
  JobProgressView view;
  view.Update(WaitingAgain());
  view.Update(StateEvent(1, v1::JOB_STATE_QUEUED));
  view.Update(StateEvent(2, v1::JOB_STATE_RUNNING));
  EXPECT_FALSE(view.up_to_date());
  EXPECT_EQ(view.RenderBar(80), "queued again, 1 before it; 12 decisions so far");
  view.Update(StateEvent(15, v1::JOB_STATE_QUEUED));
  EXPECT_TRUE(view.up_to_date());
  EXPECT_EQ(view.RenderBar(80), "queued again, 1 before it; 12 decisions so far");
}

TEST(JobProgressViewTest, KeepsItsNumbersWhenOldDecisionsComeWithoutProgress) {
  JobProgressView view;
  v1::Job job = WaitingAgain();
  job.set_state(v1::JOB_STATE_RUNNING);
  view.Update(job);
  for (uint64_t made = 1; made <= 12; ++made) {
    v1::JobEvent old = Decision(made, 0, 0);
    old.mutable_decision()->clear_progress();
    view.Update(old);
    EXPECT_THAT(view.RenderBar(60), HasSubstr(" 12/36  ")) << made;
  }
  view.Update(Decision(13, 23, 0));
  EXPECT_THAT(view.RenderBar(60), HasSubstr(" 13/36  "));
}

TEST(JobProgressViewTest, SurvivesProgressWithoutNumbers) {
  v1::JobEvent event;
  event.mutable_decision();
  JobProgressView view;
  view.Update(event);
  EXPECT_LE(DisplayWidth(view.RenderBar(80)), 80u);
}

TEST(QueueTextTest, SaysWhenTheJobBeginsOrGoesOn) {
  const absl::TimeZone zone = absl::UTCTimeZone();
  const absl::Time now = absl::FromCivil(absl::CivilSecond(2026, 1, 31, 14, 0, 0), zone);
  v1::Job job;
  EXPECT_EQ(QueueText(job, now, zone), "next");
  job.set_queue_position(2);
  const auto after = [&](absl::Duration wait) {
    job.mutable_estimated_start_time()->set_seconds(absl::ToUnixSeconds(now + wait));
    return QueueText(job, now, zone);
  };
  EXPECT_EQ(after(absl::Seconds(-7)), "2 before it, begins in a moment");
  EXPECT_EQ(after(absl::Seconds(170)), "2 before it, begins in about 3 min");
  EXPECT_EQ(after(absl::Minutes(65)), "2 before it, begins about 15:05");
  job.mutable_start_time()->set_seconds(1);
  EXPECT_EQ(after(absl::Hours(11)), "2 before it, goes on about 2026-02-01 01:00");
}

TEST(ProgressPrinterTest, WritesStepsIntoALogOnceASecond) {
  const int fd = memfd_create("stderr", 0);
  auto now = std::chrono::steady_clock::time_point();
  {
    ProgressPrinter printer(fd, ProgressPrinter::Mode::kLines, [&] { return now; });
    for (uint64_t i = 0; i < 5; ++i) {
      v1::WatchJobResponse message;
      message.mutable_event()->mutable_step()->mutable_attribution()->set_pairs_done(10 + i);
      printer.Update(message);
      now += std::chrono::milliseconds(500);
    }
  }
  std::string text(100, '\0');
  text.resize(static_cast<size_t>(pread(fd, text.data(), text.size(), 0)));
  close(fd);
  EXPECT_EQ(text, "10 pairs\n12 pairs\n14 pairs\n");
}

TEST(DecisionTextTest, SaysNodeScoreAndVerdict) {
  v1::JobEvent event = Decision(1, 1, 0);
  EXPECT_EQ(DecisionText(event.decision().decision()), "A3.1 97.10% removed");
  event.mutable_decision()->mutable_decision()->set_removed(false);
  EXPECT_EQ(DecisionText(event.decision().decision()), "A3.1 97.10% kept");
}

TEST(PruningSummaryTest, ListsNodesByLayer) {
  v1::NodePruningResult result;
  result.set_score(81.0075);
  result.set_full_logit_diff(7.5);
  result.set_decision_count(108);
  result.set_converged(true);
  for (const auto& [layer, head] : {std::pair(0u, 1u), std::pair(2u, 0u), std::pair(2u, 3u)}) {
    v1::Node* node = result.mutable_circuit()->add_nodes();
    node->set_kind(v1::NODE_KIND_ATTENTION_HEAD);
    node->set_layer(layer);
    node->set_head(head);
  }
  v1::Node* mlp = result.mutable_circuit()->add_nodes();
  mlp->set_kind(v1::NODE_KIND_MLP);
  mlp->set_layer(2);
  EXPECT_EQ(PruningSummary(result),
            "Circuit: 3 heads, 1 MLP; score 81.01 % of the whole model's logit difference of 7.500\n"
            "(108 candidates, until nothing more could leave)\n"
            "  layer  2  A2.0 A2.3 M2\n"
            "  layer  0  A0.1\n");
}

TEST(FailureTextTest, SaysStateCodeAndMessage) {
  v1::Job job;
  job.set_name("jobs/7");
  job.set_state(v1::JOB_STATE_FAILED);
  job.mutable_error()->set_code(8);
  job.mutable_error()->set_message("out of memory");
  EXPECT_EQ(FailureText(job), "jobs/7 failed: RESOURCE_EXHAUSTED: out of memory");
}

}  // namespace
}  // namespace circuitd::client
