// `circuit lens`, `dla` and `ov` against a scripted server.
#include <limits>
#include <string>
#include <vector>

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

// Two stages, one position of one prompt.
v1::RunLogitLensSummary Lens() {
  v1::RunLogitLensSummary summary;
  summary.add_hooks("blocks.0.hook_resid_pre");
  summary.add_hooks("blocks.0.hook_resid_post");
  v1::LensPrompt* prompt = summary.add_prompts();
  prompt->set_handover(1);
  v1::LensPosition* position = prompt->add_positions();
  position->set_position(2);
  *position->mutable_token() = MakeToken(287, " in");
  for (const char* text : {" 4", "<5>"}) *position->add_layers()->add_top()->mutable_token() = MakeToken(1, text);
  return summary;
}

void Answer(ScriptedServer& server, const v1::RunLogitLensSummary& summary,
            const std::vector<v1::TensorChunk>& chunks) {
  server.readings.lens.Add({Messages<v1::RunLogitLensResponse>(summary, chunks), grpc::Status::OK});
}

TEST(LensCommandTest, ShowsLayersAndTheHandover) {
  ScriptedServer server;
  const TempFolder folder;
  Answer(server, Lens(), {FloatChunk("logit_diff", {1, 2}, {-1, 2.5})});
  const CommandRun run = RunCommand(server, {"lens", "-m", "m", "a b in", "--correct", " 5", "--no-ln-final", "--top-k",
                                             "3", "--chosen", " 5", "--svg", folder.File("x.svg")});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("prompt 0, position 2 \" in\", handover at 0.resid_post"));
  EXPECT_THAT(run.out, HasSubstr("->  0.resid_post"));
  EXPECT_THAT(run.out, HasSubstr("2.500"));
  EXPECT_EQ(XmlComplaint(folder.Read("x.svg")), "");
  const v1::RunLogitLensRequest request = server.readings.lens.requests().at(0);
  EXPECT_TRUE(request.skip_ln_final());
  EXPECT_EQ(request.top_k(), 3u);
  EXPECT_EQ(request.chosen_tokens(0).text(), " 5");
  EXPECT_FALSE(request.has_positions());
  EXPECT_EQ(request.prompts().inline_().clean(0).text(), "a b in");
}

TEST(LensCommandTest, TakesPositionsAndShowsAPromptOfChoice) {
  ScriptedServer server;
  for (int i = 0; i < 2; ++i) Answer(server, Lens(), {});
  ASSERT_TRUE(RunCommand(server, {"lens", "-m", "m", "-t", "ioi", "--positions", "-1,role:end"}).ok());
  EXPECT_THAT(server.readings.lens.requests().at(0).positions().roles(), ElementsAre("end"));
  EXPECT_EQ(RunCommand(server, {"lens", "-m", "m", "-t", "ioi", "--prompt", "1"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(LensCommandTest, ReportsRepliesThatDoNotFitTogether) {
  ScriptedServer server;
  v1::RunLogitLensSummary late = Lens();
  late.mutable_prompts(0)->set_handover(2);
  v1::RunLogitLensSummary short_of_a_layer = Lens();
  short_of_a_layer.mutable_prompts(0)->mutable_positions(0)->mutable_layers()->RemoveLast();
  Answer(server, late, {});
  Answer(server, short_of_a_layer, {});
  Answer(server, Lens(), {FloatChunk("logit_diff", {2, 1}, {1, 2})});
  Answer(server, Lens(), {FloatChunk("something", {1}, {1})});
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(RunCommand(server, {"lens", "-m", "m", "a"}).status().code(), absl::StatusCode::kDataLoss) << i;
  }
  Answer(server, {}, {});
  EXPECT_TRUE(RunCommand(server, {"lens", "-m", "m", "a"}).ok());
}

v1::AttributeLogitsSummary Attribution() {
  v1::AttributeLogitsSummary summary;
  summary.add_components()->set_kind(v1::COMPONENT_KIND_EMBED);
  for (uint32_t head = 0; head < 2; ++head) {
    v1::Component* component = summary.add_components();
    component->set_kind(v1::COMPONENT_KIND_HEAD);
    component->set_layer(3);
    component->set_head(head);
  }
  summary.add_components()->set_kind(v1::COMPONENT_KIND_MLP);
  summary.mutable_logit_diff()->set_mean(1.75);
  return summary;
}

TEST(DlaCommandTest, ShowsHeadsOthersAndTheSum) {
  ScriptedServer server;
  const TempFolder folder;
  server.readings.attribute.Add(
      {Messages<v1::AttributeLogitsResponse>(Attribution(), {FloatChunk("mean", {4}, {0.5, -1, 2, 0.25})}),
       grpc::Status::OK});
  const CommandRun run = RunCommand(
      server, {"dla", "-m", "m", "-t", "ioi", "-o", folder.File("x.safetensors"), "--svg", folder.File("x.svg")});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("3  -1.00   2.00"));
  EXPECT_THAT(run.out, HasSubstr("A3.1"));
  EXPECT_THAT(run.out, HasSubstr("+0.5000"));
  EXPECT_THAT(run.out, HasSubstr("all components together: 1.7500; the model's logit difference: 1.7500"));
  EXPECT_THAT(ReadTensor(folder.File("x.safetensors"), "mean")->shape(), ElementsAre(4));
  EXPECT_EQ(XmlComplaint(folder.Read("x.svg")), "");
}

TEST(DlaCommandTest, WritesTensorsAsNestedArraysInJson) {
  ScriptedServer server;
  server.readings.attribute.Add(
      {Messages<v1::AttributeLogitsResponse>(
           Attribution(), {FloatChunk("mean", {4}, {0.1F, -1, std::numeric_limits<float>::quiet_NaN(), 1}),
                           FloatChunk("per_prompt", {4, 1}, {1, 2, 3, 4}), FloatChunk("none", {2, 0}, {})}),
       grpc::Status::OK});
  const CommandRun run = RunCommand(server, {"dla", "-m", "m", "-t", "ioi", "--json", "--per-prompt"});
  ASSERT_TRUE(run.ok()) << run.status();
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["tensors"]["mean"].dump(), "[0.1,-1.0,null,1.0]");
  EXPECT_EQ(json["tensors"]["per_prompt"].dump(), "[[1.0],[2.0],[3.0],[4.0]]");
  EXPECT_EQ(json["components"].size(), 4u);
  EXPECT_TRUE(server.readings.attribute.requests().at(0).per_prompt());
}

TEST(DlaCommandTest, SurvivesHostileReplies) {
  ScriptedServer server;
  v1::AttributeLogitsSummary sparse;
  for (uint32_t i = 0; i < 2000; ++i) {
    v1::Component* component = sparse.add_components();
    component->set_kind(v1::COMPONENT_KIND_HEAD);
    component->set_layer(i * 2'000'000);
    component->set_head(i * 2'000'000);
  }
  const auto add = [&](const v1::AttributeLogitsSummary& summary, const std::vector<v1::TensorChunk>& chunks) {
    server.readings.attribute.Add({Messages<v1::AttributeLogitsResponse>(summary, chunks), grpc::Status::OK});
  };
  add(sparse, {FloatChunk("mean", {2000}, std::vector<float>(2000))});
  add(Attribution(), {});
  add(Attribution(), {FloatChunk("mean", {2, 2}, {1, 2, 3, 4})});
  add(Attribution(), {FloatChunk("mean", {5}, {1, 2, 3, 4, 5})});
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(RunCommand(server, {"dla", "-m", "m", "-t", "ioi"}).status().code(), absl::StatusCode::kDataLoss) << i;
  }
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  add(Attribution(), {FloatChunk("mean", {4}, {nan, nan, infinity, -infinity})});
  EXPECT_TRUE(RunCommand(server, {"dla", "-m", "m", "-t", "ioi"}).ok());
  add({}, {FloatChunk("mean", {0}, {})});
  EXPECT_TRUE(RunCommand(server, {"dla", "-m", "m", "-t", "ioi"}).ok());
}

void AnswerOv(ScriptedServer& server, uint64_t members) {
  v1::ScoreOvSummary summary;
  summary.set_position_count(4);
  summary.set_member_count(members);
  server.readings.ov.Add({Messages<v1::ScoreOvResponse>(
                              summary, {FloatChunk("copy", {1, 2}, {0.5, 1}), FloatChunk("next", {1, 2}, {0.25, 0})}),
                          grpc::Status::OK});
}

void AnswerQk(ScriptedServer& server) {
  v1::ScoreQkSummary summary;
  *summary.add_members() = MakeToken(1, " 1");
  *summary.add_members() = MakeToken(2, " 2");
  server.readings.qk.Add({Messages<v1::ScoreQkResponse>(
                              summary, {FloatChunk("scores", {1, 2, 2, 2}, {1, 2, 3, 4, 5, 6, 7, 8}),
                                        FloatChunk("same", {1, 2}, {1, 0}), FloatChunk("previous", {1, 2}, {0, 1})}),
                          grpc::Status::OK});
}

TEST(OvCommandTest, AsksForQkScoresWhereThereIsASequence) {
  ScriptedServer server;
  const TempFolder folder;
  AnswerOv(server, 3);
  AnswerQk(server);
  const CommandRun run = RunCommand(server, {"ov", "-m", "m", "-t", "numerals", "--head", "0.1", "-o",
                                             folder.File("x.safetensors"), "--svg", folder.File("x.svg")});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("A0.1"));
  EXPECT_THAT(run.out, HasSubstr("look for themselves"));
  EXPECT_THAT(run.out, HasSubstr("8.00"));
  EXPECT_TRUE(ReadTensor(folder.File("x.safetensors"), "qk/scores").ok());
  EXPECT_TRUE(ReadTensor(folder.File("x.safetensors"), "ov/copy").ok());
  EXPECT_EQ(XmlComplaint(folder.Read("x.svg")), "");
}

TEST(OvCommandTest, LeavesQkScoresOutWhereThereIsNone) {
  ScriptedServer server;
  AnswerOv(server, 0);
  const CommandRun run = RunCommand(server, {"ov", "-m", "m", "a b", "--top-k", "7", "--positions", "-1", "--json"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, Not(HasSubstr("qk")));
  EXPECT_EQ(nlohmann::json::parse(run.out)["ov"]["tensors"]["copy"].dump(), "[[0.5,1.0]]");
  EXPECT_EQ(server.readings.ov.requests().at(0).top_k(), 7u);
  EXPECT_THAT(server.readings.ov.requests().at(0).positions().indices(), ElementsAre(-1));
}

TEST(OvCommandTest, TakesASequence) {
  ScriptedServer server;
  AnswerOv(server, 0);
  server.readings.qk.Add({{}, grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "one member")});
  EXPECT_EQ(RunCommand(server, {"ov", "-m", "m", "a", "--sequence", "[\" 1\", 7]"}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(server.readings.qk.requests().at(0).sequence(0).text(), " 1");
  EXPECT_THAT(server.readings.ov.requests().at(0).sequence(1).tokens().ids(), ElementsAre(7));
}

TEST(OvCommandTest, RejectsTensorsThatAreNoGridOfHeads) {
  ScriptedServer server;
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{4}, {0, 4}, {int64_t{1} << 40, 0}, {1, 1, 4}}) {
    int64_t count = 1;
    for (int64_t dimension : shape) count *= dimension;
    server.readings.ov.Add(
        {Messages<v1::ScoreOvResponse>(v1::ScoreOvSummary(),
                                       {FloatChunk("copy", shape, std::vector<float>(static_cast<size_t>(count)))}),
         grpc::Status::OK});
    EXPECT_EQ(RunCommand(server, {"ov", "-m", "m", "a"}).status().code(), absl::StatusCode::kDataLoss);
  }
}

}  // namespace
}  // namespace circuitd::client
