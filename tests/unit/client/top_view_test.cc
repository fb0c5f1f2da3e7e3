#include "client/cli/top_view.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "client/cli/busy_share.h"
#include "client/cli/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace circuitd::client {
namespace {

using testing::AllOf;
using testing::AnyOf;
using testing::Each;
using testing::HasSubstr;
using testing::Not;
using testing::ResultOf;
using testing::SizeIs;

constexpr int64_t kNow = 1'800'000'000;  // 08:00:00

v1::Job JobOf(const std::string& id, const std::string& owner, v1::JobState state) {
  v1::Job job;
  job.set_name("jobs/" + id);
  job.set_owner(owner);
  job.set_state(state);
  job.mutable_spec()->mutable_node_pruning()->set_model("seqcont-demo");
  return job;
}

v1::Job QueuedJob(const std::string& id, const std::string& owner, uint32_t position) {
  v1::Job job = JobOf(id, owner, v1::JOB_STATE_QUEUED);
  job.set_queue_position(position);
  job.mutable_estimated_start_time()->set_seconds(kNow + 120 * (1 + static_cast<int64_t>(position)));
  return job;
}

// A server with a running job, two that wait, and two that have ended.
TopState BusyServer() {
  TopState state;
  v1::GetServerInfoResponse& info = state.snapshot.info;
  info.set_version("0.1.0");
  info.mutable_start_time()->set_seconds(kNow - 4000);
  info.mutable_uptime()->set_seconds(4000);
  v1::Device& cpu = *info.add_devices();
  cpu.set_name("cpu");
  cpu.set_description("AMD EPYC 7763 64-Core Processor, 8 cores");
  cpu.set_memory_bytes(uint64_t{16} << 30);
  cpu.set_used_memory_bytes(uint64_t{4} << 30);
  cpu.mutable_busy_time()->set_seconds(1000);
  cpu.set_waiting_calls(3);
  cpu.set_running_calls(1);
  cpu.set_running_job("jobs/4jcjlld5gqno");
  v1::Device& gpu = *info.add_devices();
  gpu.set_name("cuda:0");
  gpu.set_description("NVIDIA H100");
  gpu.set_memory_bytes(uint64_t{80} << 30);
  gpu.set_used_memory_bytes(uint64_t{76} << 30);
  state.before = info;
  state.before.mutable_uptime()->set_seconds(3998);
  state.before.mutable_devices(0)->mutable_busy_time()->set_seconds(998);
  state.before.mutable_devices(0)->mutable_busy_time()->set_nanos(500'000'000);

  v1::Model model;
  model.set_name("seqcont-demo");
  model.set_state(v1::MODEL_STATE_LOADED);
  model.mutable_config()->set_n_layers(4);
  model.mutable_config()->set_n_heads(8);
  model.mutable_config()->set_d_model(128);
  model.set_parameter_count(7'000'000);
  model.set_data_type(v1::DATA_TYPE_FLOAT32);
  model.set_device("cpu");
  state.snapshot.models.push_back(model);

  v1::Job running = JobOf("4jcjlld5gqno", "anna", v1::JOB_STATE_RUNNING);
  running.mutable_progress()->set_steps_done(30);
  running.mutable_progress()->set_steps_left(10);
  running.mutable_progress()->mutable_elapsed()->set_seconds(50);
  running.mutable_progress()->mutable_remaining_estimate()->set_seconds(25);
  state.snapshot.running.push_back(running);
  state.snapshot.queued = {QueuedJob("aaaaaaaaaaaa", "bert", 0), QueuedJob("bbbbbbbbbbbb", "anna", 1)};
  state.snapshot.queued[1].set_held_back_by("the disk is full");

  v1::Job done = JobOf("cccccccccccc", "anna", v1::JOB_STATE_SUCCEEDED);
  done.mutable_end_time()->set_seconds(kNow - 60);
  done.mutable_node_pruning()->set_score(81.25);
  v1::Job failed = JobOf("dddddddddddd", "bert", v1::JOB_STATE_FAILED);
  failed.mutable_end_time()->set_seconds(kNow - 100'000);
  failed.mutable_error()->set_message("micro-batches of one prompt do not fit");
  state.snapshot.ended = {done, failed};

  state.server = "127.0.0.1:50051";
  state.user = "anna";
  state.now = state.taken = absl::FromUnixSeconds(kNow);
  state.zone = absl::UTCTimeZone();
  return state;
}

TopState IdleServer() {
  TopState state = BusyServer();
  state.snapshot.models.clear();
  state.snapshot.running.clear();
  state.snapshot.queued.clear();
  state.snapshot.ended.clear();
  return state;
}

std::string Text(const TopState& state, TopLayout layout) {
  return absl::StrCat("\n", absl::StrJoin(RenderTop(state, layout), "\n"), "\n");
}

// The same without the sequences that choose colours.
std::string WithoutColours(const std::string& text) {
  std::string out;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\x1b') {
      at = text.find('m', at);
    } else {
      out += text[at];
    }
  }
  return out;
}

TEST(TopViewTest, ShowsABusyServerIn80Columns) {
  EXPECT_EQ(Text(BusyServer(), {80, 0, ColourDepth::kNone}), R"(
circuitd 0.1.0 at 127.0.0.1:50051  up 1:06:40  08:00:00

DEVICE  MEMORY                         BUSY            CALLS  WAIT  DESCRIPTION
cpu     [#-----] 4.0 GiB of 16.0 GiB   [####--]  75 %      1     3  AMD EPYC 77~
cuda:0  [#####-] 76.0 GiB of 80.0 GiB  [------]   0 %      0     0  NVIDIA H100

MODELS 1      LAYERS x HEADS x WIDTH  DTYPE        SIZE  DEVICE
seqcont-demo  4 x 8 x 128             float32  26.7 MiB  cpu

RUNNING 1     OWNER  KIND   MODEL         PROGRESS           RATE  ELAPSED   ETA
4jcjlld5gqno  anna   prune  seqcont-demo  [######--] 30/40  0.6/s     0:50  0:25

QUEUED 2      OWNER  KIND   MODEL         BEFORE IT
aaaaaaaaaaaa  bert   prune  seqcont-demo  next, begins in about 2 min
bbbbbbbbbbbb  anna   prune  seqcont-demo  1 before it, begins in about 4 min; h~

ENDED         OWNER  KIND   MODEL         AT          STATE
cccccccccccc  anna   prune  seqcont-demo  07:59:00    succeeded  score 81.25 %,~
dddddddddddd  bert   prune  seqcont-demo  2027-01-14  failed     micro-batches ~
)");
}

TEST(TopViewTest, ShowsMoreIn200Columns) {
  EXPECT_EQ(Text(BusyServer(), {200, 0, ColourDepth::kNone}), R"(
circuitd 0.1.0 at 127.0.0.1:50051  up 1:06:40  08:00:00

DEVICE  MEMORY                                               BUSY                                  CALLS  WAIT  JOB           DESCRIPTION
cpu     [#######---------------------] 4.0 GiB of 16.0 GiB   [#####################-------]  75 %      1     3  4jcjlld5gqno  AMD EPYC 7763 64-Core Processor, 8 cores
cuda:0  [##########################--] 76.0 GiB of 80.0 GiB  [----------------------------]   0 %      0     0  -             NVIDIA H100

MODELS 1      LAYERS x HEADS x WIDTH  DTYPE        SIZE  DEVICE
seqcont-demo  4 x 8 x 128             float32  26.7 MiB  cpu

RUNNING 1     OWNER  KIND   MODEL         PROGRESS                               RATE  ELAPSED   ETA
4jcjlld5gqno  anna   prune  seqcont-demo  [#####################-------] 30/40  0.6/s     0:50  0:25

QUEUED 2      OWNER  KIND   MODEL         BEFORE IT
aaaaaaaaaaaa  bert   prune  seqcont-demo  next, begins in about 2 min
bbbbbbbbbbbb  anna   prune  seqcont-demo  1 before it, begins in about 4 min; held back: the disk is full

ENDED         OWNER  KIND   MODEL         AT          STATE
cccccccccccc  anna   prune  seqcont-demo  07:59:00    succeeded  score 81.25 %, 0 nodes
dddddddddddd  bert   prune  seqcont-demo  2027-01-14  failed     micro-batches of one prompt do not fit
)");
}

TEST(TopViewTest, SaysWhatAnIdleServerDoesNotDo) {
  EXPECT_EQ(Text(IdleServer(), {80, 0, ColourDepth::kNone}), R"(
circuitd 0.1.0 at 127.0.0.1:50051  up 1:06:40  08:00:00

DEVICE  MEMORY                         BUSY            CALLS  WAIT  DESCRIPTION
cpu     [#-----] 4.0 GiB of 16.0 GiB   [####--]  75 %      1     3  AMD EPYC 77~
cuda:0  [#####-] 76.0 GiB of 80.0 GiB  [------]   0 %      0     0  NVIDIA H100

No model is loaded

No job runs

No job waits
)");
}

TEST(TopViewTest, FillsAScreenAndEndsItWithKeys) {
  TopState state = IdleServer();
  state.live = true;
  const auto lines = RenderTop(state, {80, 24, ColourDepth::kNone});
  ASSERT_THAT(lines, SizeIs(24));
  EXPECT_EQ(lines.back(), "q quit   p pause   a only your jobs");
  state.paused = state.own_only = true;
  EXPECT_EQ(RenderTop(state, {80, 24, ColourDepth::kNone}).back(), "q quit   p go on   a everybody's jobs");
  EXPECT_THAT(RenderTop(state, {80, 24, ColourDepth::kNone})[0], HasSubstr("PAUSED  jobs of anna"));
}

TEST(TopViewTest, ColoursChangeNoLetter) {
  for (const size_t width : {80, 200}) {
    const std::string plain = Text(BusyServer(), {width, 0, ColourDepth::kNone});
    EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
    for (const ColourDepth depth : {ColourDepth::k256, ColourDepth::k24Bit}) {
      const std::string coloured = Text(BusyServer(), {width, 0, depth});
      EXPECT_NE(coloured, plain);
      EXPECT_EQ(WithoutColours(coloured), plain);
    }
  }
  const std::string coloured = Text(BusyServer(), {80, 0, ColourDepth::k24Bit});
  // Memory that is nearly all in use, calls that wait, and what failed stand out.
  EXPECT_THAT(coloured, HasSubstr("\x1b[38;2;214;96;77m["));
  EXPECT_THAT(coloured, HasSubstr("\x1b[38;2;214;96;77m3\x1b[0m"));
  EXPECT_THAT(coloured, HasSubstr("\x1b[38;2;214;96;77mfailed\x1b[0m"));
}

TEST(TopViewTest, SaysHowManyJobsThereIsNoRoomFor) {
  TopState state = BusyServer();
  state.snapshot.queued.clear();
  for (uint32_t i = 0; i < 500; ++i) state.snapshot.queued.push_back(QueuedJob(absl::StrCat("job", i), "anna", i));
  const auto lines = RenderTop(state, {80, 40, ColourDepth::kNone});
  EXPECT_THAT(lines, SizeIs(40));
  const std::string text = absl::StrJoin(lines, "\n");
  EXPECT_THAT(text, HasSubstr("QUEUED 500"));
  size_t shown = 0;
  for (uint32_t i = 0; i < 500; ++i) shown += text.find(absl::StrCat("\njob", i, " ")) != text.npos;
  EXPECT_GT(shown, 10u);
  EXPECT_THAT(text, HasSubstr(absl::StrCat("\nand ", 500 - shown, " more")));
  // Nothing else is crowded out.
  EXPECT_THAT(text, AllOf(HasSubstr("cuda:0"), HasSubstr("RUNNING 1"), HasSubstr("MODELS 1"), HasSubstr("ENDED")));
  EXPECT_THAT(Text(state, {80, 0, ColourDepth::kNone}), HasSubstr("\njob499 "));
}

TEST(TopViewTest, ShowsOwnJobsAlone) {
  TopState state = BusyServer();
  state.own_only = true;
  const std::string text = Text(state, {200, 0, ColourDepth::kNone});
  EXPECT_THAT(text, AllOf(HasSubstr("QUEUED 1 "), HasSubstr("bbbbbbbbbbbb"), HasSubstr("cccccccccccc"),
                          Not(HasSubstr("aaaaaaaaaaaa")), Not(HasSubstr("bert"))));
  state.user = "carl";
  EXPECT_THAT(
      Text(state, {200, 0, ColourDepth::kNone}),
      AllOf(HasSubstr("None of your jobs runs"), HasSubstr("None of your jobs waits"), Not(HasSubstr("ENDED"))));
}

TEST(TopViewTest, SaysThatTheServerIsGoneAndKeepsWhatItSaid) {
  TopState state = BusyServer();
  state.now += absl::Seconds(30);
  state.trouble = absl::UnavailableError("connection refused");
  EXPECT_EQ(RenderTop(state, {100, 0, ColourDepth::kNone})[0],
            "circuitd 0.1.0 at 127.0.0.1:50051  NO ANSWER since 08:00:00, trying again  connection refused");
  EXPECT_THAT(Text(state, {80, 0, ColourDepth::kNone}), HasSubstr("4jcjlld5gqno"));
}

TEST(TopViewTest, FitsTerminalsOfEverySize) {
  TopState state = BusyServer();
  state.live = true;
  for (size_t i = 0; i < 30; ++i) state.snapshot.queued.push_back(state.snapshot.queued[0]);
  for (const size_t width : {1, 2, 5, 10, 20, 37, 60, 79, 100, 133, 250}) {
    for (size_t height = 1; height < 60; ++height) {
      const auto lines = RenderTop(state, {width, height, ColourDepth::kNone});
      EXPECT_LE(lines.size(), height);
      EXPECT_THAT(lines, Each(ResultOf(DisplayWidth, testing::Le(width)))) << width << " x " << height;
    }
  }
  EXPECT_EQ(Text(state, {30, 8, ColourDepth::kNone}), R"(
circuitd 0.1.0 at 127.0.0.1:5~
DEVICE  BUSY
cpu     [##########----]  75 %
cuda:0  [--------------]   0 %
RUNNING 1     PROGRESS
4jcjlld5gqno  [######--] 30/40
QUEUED 32     BEFORE IT
aaaaaaaaaaaa  next, begins in~
)");
}

TEST(TopViewTest, NamesOfAnybodyHarmNothing) {
  TopState state = BusyServer();
  const std::string hostile = "\x1b[2J\r\n\u202e模型\xff";
  state.server = state.user = hostile;
  state.snapshot.info.set_version(hostile);
  for (v1::Device& device : *state.snapshot.info.mutable_devices()) {
    device.set_description(hostile);
    device.set_name(hostile);
    device.set_running_job(hostile);
  }
  state.snapshot.models[0].set_name(hostile);
  for (auto* jobs : {&state.snapshot.running, &state.snapshot.queued, &state.snapshot.ended}) {
    for (v1::Job& job : *jobs) {
      job.set_owner(hostile);
      job.mutable_spec()->mutable_node_pruning()->set_model(hostile);
      job.set_held_back_by(hostile);
      job.mutable_error()->set_message(hostile);
    }
  }
  state.trouble = absl::UnavailableError(hostile);
  for (const size_t width : {20, 80, 200}) {
    for (const std::string& line : RenderTop(state, {width, 40, ColourDepth::kNone})) {
      EXPECT_LE(line.size(), width) << line;
      for (const char c : line) EXPECT_TRUE(c >= ' ' && c < 0x7f) << line;
    }
  }
  EXPECT_THAT(Text(state, {0, 0, ColourDepth::kNone}), HasSubstr("\\x1b[2J\\r\\n\\u202e\\u6a21\\u578b\\xff"));
}

TEST(TopViewTest, SaysWhatAJobThatHasJustBegunDoes) {
  TopState state = BusyServer();
  state.snapshot.running[0].clear_progress();
  const std::string text = Text(state, {120, 0, ColourDepth::kNone});
  EXPECT_THAT(text, HasSubstr("runs the whole model first"));
  EXPECT_THAT(text, HasSubstr("] 0/0"));
  EXPECT_THAT(text, HasSubstr("-:--"));
}

TEST(TopViewTest, SaysBeforeLessWorthyThingsWhyAJobStandsStill) {
  TopState state = BusyServer();
  state.snapshot.running[0].set_held_back_by("the disk is full");
  EXPECT_THAT(Text(state, {80, 0, ColourDepth::kNone}), HasSubstr("  held back: the disk is full\n"));
  state.snapshot.running[0].clear_held_back_by();
  state.snapshot.running[0].clear_progress();
  EXPECT_THAT(Text(state, {80, 0, ColourDepth::kNone}), HasSubstr("  runs the whole model first\n"));
}

TEST(TopViewTest, LeavesOutTheIterationFirst) {
  TopState state = BusyServer();
  state.snapshot.running[0].mutable_progress()->set_iteration(1);
  EXPECT_THAT(Text(state, {120, 0, ColourDepth::kNone}), HasSubstr("iteration 2\n"));
  EXPECT_THAT(Text(state, {80, 0, ColourDepth::kNone}), AllOf(HasSubstr("  RATE  "), Not(HasSubstr("iteration"))));
}

TEST(TopViewTest, ShowsTheRateOfLateRatherThanTheMean) {
  TopState state = BusyServer();
  state.rates["jobs/4jcjlld5gqno"] = 7.5;
  EXPECT_THAT(Text(state, {120, 0, ColourDepth::kNone}), AllOf(HasSubstr("  7.5/s  "), Not(HasSubstr("  0.6/s  "))));
}

TEST(BusyShareTest, IsOfTheTimeBetweenTwoAnswers) {
  const TopState state = BusyServer();
  const v1::GetServerInfoResponse& now = state.snapshot.info;
  EXPECT_DOUBLE_EQ(BusyShare(state.before, now, now.devices(0)).value(), 0.75);
  EXPECT_DOUBLE_EQ(BusyShare(state.before, now, now.devices(1)).value(), 0);
  // Since the start, when there is no earlier answer of this server's life.
  EXPECT_DOUBLE_EQ(BusyShare({}, now, now.devices(0)).value(), 0.25);
  v1::GetServerInfoResponse earlier_life = state.before;
  earlier_life.mutable_start_time()->set_seconds(kNow - 9000);
  EXPECT_DOUBLE_EQ(BusyShare(earlier_life, now, now.devices(0)).value(), 0.25);
  // One that does not say.
  EXPECT_EQ(BusyShare({}, {}, now.devices(0)), std::nullopt);
}

}  // namespace
}  // namespace circuitd::client
