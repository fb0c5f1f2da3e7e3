// `circuit sweep` and `circuit path` against a scripted server.
#include <limits>
#include <string>
#include <vector>

#include "client/cli/progress_line.h"
#include "client/tensor_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/run_command.h"
#include "tests/unit/client/temp_folder.h"
#include "tests/unit/client/xml_check.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

v1::RunSweepSummary SweepSummary() {
  v1::RunSweepSummary summary;
  v1::SweepGrid* grid = summary.add_grids();
  grid->set_hook("hook_resid_pre");
  grid->add_layers(0);
  grid->add_columns(1);
  grid->add_columns(-2);
  summary.mutable_clean_metric()->set_mean(3);
  summary.mutable_corrupted_metric()->set_mean(1);
  *summary.add_tokens() = MakeToken(1, " 1");
  *summary.add_tokens() = MakeToken(2, " in");
  summary.set_prompts_are_equally_long(true);
  return summary;
}

void Answer(ScriptedServer& server, const v1::RunSweepSummary& summary, const std::vector<v1::TensorChunk>& chunks) {
  std::vector<v1::RunSweepResponse> messages = Messages<v1::RunSweepResponse>(summary, chunks);
  v1::RunSweepResponse progress;
  progress.mutable_progress()->set_runs_done(1);
  messages.insert(messages.begin(), progress);
  server.patching.sweep.Add({messages, grpc::Status::OK});
}

TEST(SweepCommandTest, ShowsAMapWithTokens) {
  ScriptedServer server;
  const TempFolder folder;
  Answer(server, SweepSummary(), {FloatChunk("hook_resid_pre/mean", {1, 2}, {2, 3})});
  const CommandRun run = RunCommand(
      server, {"sweep", "-m", "m", "-t", "ioi", "--hook", "hook_resid_pre", "--direction", "noising", "--metric",
               "prob_diff", "--layers", "0", "--positions", "1,-2", "--svg", folder.File("x.svg")});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("prob_diff: 3.0000 on clean prompts, 1.0000 on corrupted ones"));
  EXPECT_THAT(run.out, HasSubstr("2.00"));
  EXPECT_THAT(folder.Read("x.svg"), HasSubstr("-2 &quot; 1&quot;"));
  EXPECT_EQ(XmlComplaint(folder.Read("x.svg")), "");
  const v1::RunSweepRequest request = server.patching.sweep.requests().at(0);
  EXPECT_EQ(request.direction(), v1::PATCHING_DIRECTION_NOISING);
  EXPECT_EQ(request.metric(), v1::METRIC_PROB_DIFF);
  EXPECT_THAT(request.hooks(), ElementsAre("hook_resid_pre"));
  EXPECT_THAT(request.positions(), ElementsAre(1, -2));
}

TEST(SweepCommandTest, NormalizesBetweenCorruptedAndClean) {
  ScriptedServer server;
  const TempFolder folder;
  Answer(server, SweepSummary(), {FloatChunk("hook_resid_pre/mean", {1, 2}, {2, 3})});
  const CommandRun run = RunCommand(server, {"sweep", "-m", "m", "-t", "ioi", "--hook", "hook_resid_pre", "--normalize",
                                             "--json", "-o", folder.File("x.safetensors")});
  ASSERT_TRUE(run.ok()) << run.status();
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["tensors"]["hook_resid_pre/normalized"].dump(), "[[0.5,1.0]]");
  EXPECT_TRUE(ReadTensor(folder.File("x.safetensors"), "hook_resid_pre/normalized").ok());
}

TEST(SweepCommandTest, HasNothingToNormalizeByWhereRunsDoNotDiffer) {
  ScriptedServer server;
  v1::RunSweepSummary summary = SweepSummary();
  for (double corrupted : {3.0, std::numeric_limits<double>::quiet_NaN()}) {
    summary.mutable_corrupted_metric()->set_mean(corrupted);
    Answer(server, summary, {FloatChunk("hook_resid_pre/mean", {1, 2}, {2, 3})});
    EXPECT_EQ(RunCommand(server, {"sweep", "-m", "m", "-t", "ioi", "--hook", "h", "--normalize"}).status().code(),
              absl::StatusCode::kFailedPrecondition);
  }
}

// Each position's mean would be over other prompts than the metrics'.
TEST(SweepCommandTest, DoesNotNormalizePositionsOfPromptsOfDifferentLengths) {
  ScriptedServer server;
  v1::RunSweepSummary summary = SweepSummary();
  summary.set_prompts_are_equally_long(false);
  Answer(server, summary, {FloatChunk("hook_resid_pre/mean", {1, 2}, {2, 3})});
  const CommandRun refused = RunCommand(server, {"sweep", "-m", "m", "-t", "ioi", "--hook", "h", "--normalize"});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("--normalize: the prompts differ in length"));
  Answer(server, summary, {FloatChunk("hook_resid_pre/mean", {1, 2}, {2, 3})});
  const CommandRun run = RunCommand(server, {"sweep", "-m", "m", "-t", "ioi", "--hook", "h"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("The prompts differ in length"));
}

TEST(SweepCommandTest, SurvivesHostileReplies) {
  ScriptedServer server;
  Answer(server, SweepSummary(), {});
  Answer(server, SweepSummary(), {FloatChunk("hook_resid_pre/mean", {2, 1}, {2, 3})});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(RunCommand(server, {"sweep", "-m", "m", "-t", "ioi", "--hook", "h"}).status().code(),
              absl::StatusCode::kDataLoss);
  }
  v1::RunSweepSummary far = SweepSummary();
  far.mutable_grids(0)->set_columns(0, std::numeric_limits<int32_t>::max());
  far.mutable_grids(0)->set_columns(1, std::numeric_limits<int32_t>::min());
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Answer(server, far, {FloatChunk("hook_resid_pre/mean", {1, 2}, {nan, nan})});
  EXPECT_TRUE(RunCommand(server, {"sweep", "-m", "m", "-t", "ioi", "--hook", "h"}).ok());
}

TEST(SweepCommandTest, NeedsAHook) {
  ScriptedServer server;
  EXPECT_EQ(RunCommand(server, {"sweep", "-m", "m", "-t", "ioi"}).status().code(), absl::StatusCode::kInvalidArgument);
}

v1::Node MakeNode(v1::NodeKind kind, uint32_t layer, uint32_t head) {
  v1::Node node;
  node.set_kind(kind);
  node.set_layer(layer);
  node.set_head(head);
  return node;
}

v1::RunPathPatchingSummary PathSummary() {
  v1::RunPathPatchingSummary summary;
  for (const v1::Node& sender : {MakeNode(v1::NODE_KIND_EMBED, 0, 0), MakeNode(v1::NODE_KIND_ATTENTION_HEAD, 1, 4),
                                 MakeNode(v1::NODE_KIND_MLP, 1, 0)}) {
    v1::Path* path = summary.add_paths();
    *path->mutable_sender() = sender;
    path->mutable_receiver()->set_kind(v1::NODE_KIND_LOGITS);
  }
  summary.mutable_clean_metric()->set_mean(3);
  summary.mutable_corrupted_metric()->set_mean(1);
  return summary;
}

void Answer(ScriptedServer& server, const v1::RunPathPatchingSummary& summary,
            const std::vector<v1::TensorChunk>& chunks) {
  server.patching.path.Add({Messages<v1::RunPathPatchingResponse>(summary, chunks), grpc::Status::OK});
}

TEST(PathCommandTest, SortsSendersByEffect) {
  ScriptedServer server;
  const TempFolder folder;
  Answer(server, PathSummary(), {FloatChunk("mean", {3}, {2.9F, 1, 3.5})});
  const CommandRun run =
      RunCommand(server, {"path", "-m", "m", "-t", "ioi", "--receiver", "logits", "--receiver", "A3.1.q", "--sender",
                          "A1.4", "--freeze", "heads", "--top", "2", "--svg", folder.File("x.svg")});
  ASSERT_TRUE(run.ok()) << run.status();
  const size_t head = run.out.find("A1.4    logits    1.0000  -2.0000");
  const size_t mlp = run.out.find("M1      logits    3.5000  +0.5000");
  EXPECT_LT(head, mlp);
  EXPECT_NE(mlp, std::string::npos);
  EXPECT_THAT(run.out, HasSubstr("100.0%"));
  EXPECT_THAT(run.out, HasSubstr("MLP"));
  EXPECT_THAT(run.out, Not(HasSubstr("embed")));
  EXPECT_THAT(run.out, HasSubstr("and 1 paths with less"));
  EXPECT_EQ(XmlComplaint(folder.Read("x.svg")), "");
  const v1::RunPathPatchingRequest request = server.patching.path.requests().at(0);
  EXPECT_EQ(request.receivers(1).input(), v1::HEAD_INPUT_Q);
  EXPECT_EQ(request.freeze(), v1::PATH_FREEZE_HEADS);
}

TEST(PathCommandTest, ShowsAllSendersTogether) {
  ScriptedServer server;
  v1::RunPathPatchingSummary summary = PathSummary();
  summary.mutable_paths()->DeleteSubrange(1, 2);
  summary.mutable_paths(0)->clear_sender();
  Answer(server, summary, {FloatChunk("mean", {1}, {1.5})});
  const CommandRun run = RunCommand(server, {"path", "-m", "m", "-t", "ioi", "--receiver", "logits", "--together"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("all senders"));
  EXPECT_TRUE(server.patching.path.requests().at(0).senders_together());
}

TEST(PathCommandTest, SurvivesHostileReplies) {
  ScriptedServer server;
  Answer(server, PathSummary(), {});
  Answer(server, PathSummary(), {FloatChunk("mean", {2}, {1, 2})});
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(RunCommand(server, {"path", "-m", "m", "-t", "ioi", "--receiver", "logits"}).status().code(),
              absl::StatusCode::kDataLoss);
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  v1::RunPathPatchingSummary nameless = PathSummary();
  nameless.mutable_paths(0)->clear_receiver();
  Answer(server, nameless, {FloatChunk("mean", {3}, {nan, 1, nan})});
  EXPECT_TRUE(RunCommand(server, {"path", "-m", "m", "-t", "ioi", "--receiver", "logits"}).ok());
}

TEST(PathCommandTest, RejectsWhatIsNotANode) {
  ScriptedServer server;
  EXPECT_THAT(std::string(RunCommand(server, {"path", "-m", "m", "-t", "ioi", "--receiver", "X"}).status().message()),
              HasSubstr("--receiver: 'X' is not a node"));
}

TEST(ProgressTextTest, FitsTheWidth) {
  EXPECT_EQ(ProgressText("runs", 32, 128, 10, 40), "[####------------] 32/128 runs  ETA 0:30");
  EXPECT_EQ(ProgressText("runs", 0, 0, 0, 50), "[----------------------------] 0/0 runs  ETA -:--");
  EXPECT_EQ(ProgressText("runs", 32, 128, 10, 10), "32/128 ru~");
}

}  // namespace
}  // namespace circuitd::client
