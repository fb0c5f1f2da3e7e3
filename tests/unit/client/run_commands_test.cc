// `circuit forward` and `circuit patch` against a scripted server.
#include <string>

#include "client/tensor_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/client/run_command.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd::client {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

v1::ForwardSummary OnePrompt() {
  v1::ForwardSummary summary;
  v1::PromptLogits* logits = summary.add_prompts();
  logits->set_token_count(3);
  *logits->add_top()->mutable_token() = MakeToken(642, " 5");
  return summary;
}

TEST(ForwardCommandTest, AsksForCapturesAndKeepsThemInAFile) {
  ScriptedServer server;
  const TempFolder folder;
  server.inference.forward.Add(
      {Messages<v1::ForwardResponse>(OnePrompt(), {FloatChunk("blocks.0.attn.hook_z/0", {1, 2, 2}, {1, 2, 3, 4})}),
       grpc::Status::OK});
  const CommandRun run =
      RunCommand(server, {"forward", "-m", "m", "a b", "--capture", "blocks.*.attn.hook_z", "--capture", "hook_embed",
                          "--capture-heads", "0,3", "--capture-positions", "-1,role:end,token:\" in\"", "--role",
                          "end=2", "-o", folder.File("acts.safetensors")});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("\" 5\""));
  const v1::ForwardRequest request = server.inference.forward.requests().at(0);
  EXPECT_THAT(request.capture().hooks(), ElementsAre("blocks.*.attn.hook_z", "hook_embed"));
  EXPECT_THAT(request.capture().heads(), ElementsAre(0, 3));
  EXPECT_THAT(request.capture().positions().indices(), ElementsAre(-1));
  EXPECT_THAT(request.capture().positions().roles(), ElementsAre("end"));
  EXPECT_EQ(request.capture().positions().tokens(0).text(), " in");
  EXPECT_EQ(request.prompts(0).roles().at("end"), 2u);
  EXPECT_THAT(ReadTensor(folder.File("acts.safetensors"), "blocks.0.attn.hook_z/0")->shape(), ElementsAre(1, 2, 2));
}

TEST(ForwardCommandTest, AnswersMeanLogitDiffUnlessAMetricIsNamed) {
  ScriptedServer server;
  v1::ForwardSummary summary = OnePrompt();
  summary.mutable_metric()->set_mean(1.25);
  for (int i = 0; i < 2; ++i) {
    server.inference.forward.Add({Messages<v1::ForwardResponse>(summary, {}), grpc::Status::OK});
  }
  const CommandRun run = RunCommand(server, {"forward", "-m", "m", "a", "--correct", " 5", "--incorrect", " 4"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("logit_diff"));
  EXPECT_THAT(run.out, HasSubstr("1.2500"));
  ASSERT_TRUE(RunCommand(server, {"forward", "-m", "m", "a", "--correct", " 5", "--metric", "rank"}).ok());
  EXPECT_EQ(server.inference.forward.requests().at(0).metric(), v1::METRIC_LOGIT_DIFF);
  EXPECT_EQ(server.inference.forward.requests().at(1).metric(), v1::METRIC_RANK);
}

TEST(ForwardCommandTest, WantsAFileForTensorsAndTensorsForAFile) {
  ScriptedServer server;
  const TempFolder folder;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--capture", "hook_embed"},
                                                {"--full-logits", "all"},
                                                {"-o", folder.File("x")},
                                                {"--capture-heads", "0", "-o", folder.File("x")}}) {
    std::vector<std::string> line = {"forward", "-m", "m", "a"};
    line.insert(line.end(), words.begin(), words.end());
    EXPECT_EQ(RunCommand(server, line).status().code(), absl::StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(server.inference.forward.requests(), IsEmpty());
  EXPECT_FALSE(folder.Has("x"));
}

TEST(ForwardCommandTest, ReportsRepliesThatDoNotFitTogether) {
  ScriptedServer server;
  const TempFolder folder;
  v1::ForwardResponse chunk;
  *chunk.mutable_chunk() = FloatChunk("a", {1}, {1});
  const auto one = Messages<v1::ForwardResponse>(OnePrompt(), {});
  v1::TensorChunk half = FloatChunk("a", {2}, {1});
  server.inference.forward.Add({{}, grpc::Status::OK});                // no summary
  server.inference.forward.Add({{chunk, one[0]}, grpc::Status::OK});   // tensors before it
  server.inference.forward.Add({{one[0], one[0]}, grpc::Status::OK});  // two of them
  server.inference.forward.Add({Messages<v1::ForwardResponse>(OnePrompt(), {half}), grpc::Status::OK});
  for (int i = 0; i < 4; ++i) {
    const CommandRun run = RunCommand(server, {"forward", "-m", "m", "a", "--capture", "*", "-o", folder.File("x")});
    EXPECT_EQ(run.status().code(), absl::StatusCode::kDataLoss) << i;
    EXPECT_FALSE(folder.Has("x")) << i;
    EXPECT_FALSE(folder.Has("x.part")) << i;
  }
  server.inference.forward.Add({{one[0], chunk}, grpc::Status::OK});
  EXPECT_EQ(RunCommand(server, {"forward", "-m", "m", "a"}).status().code(), absl::StatusCode::kDataLoss);
}

TEST(PatchCommandTest, SendsInterventionsInOrderAndShowsTheChange) {
  ScriptedServer server;
  v1::RunPatchedSummary summary;
  summary.mutable_unpatched_metric()->set_mean(3);
  summary.mutable_patched_metric()->set_mean(1);
  server.inference.run_patched.Add({Messages<v1::RunPatchedResponse>(summary, {}), grpc::Status::OK});
  const CommandRun run = RunCommand(
      server, {"patch", "-m", "m", "a", "--ablate", "A3.0@role:end=zero", "--intervention", "hook_embed:scale=2",
               "--source-prompt", "b", "--correct", " 5", "--incorrect", " 4", "--role", "end=0"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("-2.0000"));
  const v1::RunPatchedRequest request = server.inference.run_patched.requests().at(0);
  ASSERT_EQ(request.interventions_size(), 2);
  EXPECT_THAT(request.interventions(0).positions().roles(), ElementsAre("end"));
  EXPECT_EQ(request.interventions(1).scale(), 2);
  EXPECT_EQ(request.source_prompts(0).text(), "b");
}

TEST(PatchCommandTest, WritesJsonWithBothMetrics) {
  ScriptedServer server;
  v1::RunPatchedSummary summary;
  summary.mutable_unpatched_metric()->set_mean(3);
  summary.mutable_patched_metric()->set_mean(1);
  server.inference.run_patched.Add({Messages<v1::RunPatchedResponse>(summary, {}), grpc::Status::OK});
  const CommandRun run = RunCommand(server, {"--json", "patch", "-m", "m", "a", "--correct", " 5"});
  ASSERT_TRUE(run.ok()) << run.status();
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["patchedMetric"]["mean"], 1);
  EXPECT_EQ(json["unpatchedMetric"]["mean"], 3);
}

}  // namespace
}  // namespace circuitd::client
