// `circuit attn` against a scripted server.
#include <limits>
#include <string>
#include <vector>

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

v1::ReadAttentionSummary Summary(const std::vector<uint32_t>& layers, const std::vector<uint32_t>& heads) {
  v1::ReadAttentionSummary summary;
  summary.mutable_layers()->Add(layers.begin(), layers.end());
  summary.mutable_heads()->Add(heads.begin(), heads.end());
  *summary.add_tokens() = MakeToken(1, " 1");
  *summary.add_tokens() = MakeToken(2, " in");
  (*summary.mutable_roles())["last_member"] = 0;
  (*summary.mutable_roles())["end"] = 1;
  return summary;
}

std::vector<v1::TensorChunk> Scores(const std::vector<int64_t>& shape) {
  std::vector<v1::TensorChunk> chunks;
  for (const char* name : {"previous_token", "duplicate_token", "induction"}) {
    chunks.push_back(FloatChunk(name, shape, {0.1F, 0.9F, std::numeric_limits<float>::quiet_NaN(), 0.2F}));
  }
  return chunks;
}

void Answer(ScriptedServer& server, const v1::ReadAttentionSummary& summary,
            const std::vector<v1::TensorChunk>& chunks) {
  server.readings.attention.Add({Messages<v1::ReadAttentionResponse>(summary, chunks), grpc::Status::OK});
}

TEST(AttnCommandTest, RanksHeads) {
  ScriptedServer server;
  Answer(server, Summary({0, 3}, {0, 1}), Scores({2, 2}));
  const CommandRun run = RunCommand(server, {"attn", "-m", "m", "-t", "ioi", "--layers", "0,3", "--top", "2"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("1  A0.1            0.90"));
  EXPECT_THAT(run.out, HasSubstr("2  A3.1            0.20"));
  EXPECT_THAT(server.readings.attention.requests().at(0).layers(), ElementsAre(0, 3));
}

TEST(AttnCommandTest, ShowsTheMeanPatternOfChosenHeads) {
  ScriptedServer server;
  const TempFolder folder;
  Answer(server, Summary({0, 3}, {0, 1}), Scores({2, 2}));
  Answer(server, Summary({3}, {1}), {FloatChunk("pattern/mean", {1, 1, 2, 2}, {1, 0, 0.75, 0.25})});
  const CommandRun run = RunCommand(server, {"attn", "-m", "m", "-t", "numerals", "--head", "3.1", "--highlight",
                                             "late", "--svg", folder.File("x.svg")});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("A3.1 pattern/mean"));
  EXPECT_THAT(run.out, HasSubstr("*0.75"));
  EXPECT_THAT(run.out, HasSubstr("1 \" in\""));
  EXPECT_EQ(XmlComplaint(folder.Read("x.svg")), "");
  const v1::ReadAttentionRequest request = server.readings.attention.requests().at(1);
  EXPECT_THAT(request.layers(), ElementsAre(3));
  EXPECT_THAT(request.heads(), ElementsAre(1));
  EXPECT_TRUE(request.mean_pattern());
  EXPECT_FALSE(request.patterns());
}

TEST(AttnCommandTest, LabelsAPromptWithItsOwnTokens) {
  ScriptedServer server;
  Answer(server, Summary({0, 3}, {0, 1}), Scores({2, 2}));
  const float minus_infinity = -std::numeric_limits<float>::infinity();
  Answer(server, Summary({3}, {1}), {FloatChunk("attn_scores/1", {1, 1, 1, 1}, {minus_infinity})});
  v1::GeneratePromptsResponse pairs;
  *pairs.mutable_pairs()->add_pairs()->add_clean() = MakeToken(1, "first");
  *pairs.mutable_pairs()->add_pairs()->add_clean() = MakeToken(1, "second");
  server.tasks.generate.Add({{pairs}, grpc::Status::OK});
  const CommandRun run =
      RunCommand(server, {"attn", "-m", "m", "-t", "ioi", "--head", "A3.1", "--prompt", "1", "--attn-scores"});
  ASSERT_TRUE(run.ok()) << run.status();
  EXPECT_THAT(run.out, HasSubstr("0 \"second\"  "));
  EXPECT_TRUE(server.readings.attention.requests().at(1).attn_scores());
}

TEST(AttnCommandTest, RejectsHighlightsThatNameNothing) {
  for (const char* highlight : {"early", "end:nobody", "end", "a:b:c"}) {
    ScriptedServer server;
    Answer(server, Summary({0, 3}, {0, 1}), Scores({2, 2}));
    Answer(server, Summary({3}, {1}), {FloatChunk("pattern/mean", {1, 1, 2, 2}, {1, 0, 0.75, 0.25})});
    const CommandRun run =
        RunCommand(server, {"attn", "-m", "m", "-t", "ioi", "--head", "3.1", "--highlight", highlight});
    EXPECT_EQ(run.status().code(), absl::StatusCode::kInvalidArgument) << highlight;
  }
}

TEST(AttnCommandTest, RejectsOptionsWithoutAHead) {
  ScriptedServer server;
  for (const std::vector<std::string>& words : {std::vector<std::string>{"--prompt", "1"},
                                                {"--highlight", "late"},
                                                {"--head", "3"},
                                                {"--head", "3.0", "--attn-scores"}}) {
    std::vector<std::string> line = {"attn", "-m", "m", "a"};
    line.insert(line.end(), words.begin(), words.end());
    EXPECT_EQ(RunCommand(server, line).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(AttnCommandTest, ReportsRepliesThatDoNotFitTogether) {
  const auto pattern = [](const std::vector<int64_t>& shape) {
    return std::vector<v1::TensorChunk>{FloatChunk("pattern/mean", shape, {1, 0, 0.75, 0.25})};
  };
  const std::vector<std::pair<v1::ReadAttentionSummary, std::vector<v1::TensorChunk>>> replies = {
      {Summary({3}, {1}), {}},
      {Summary({3}, {1}), pattern({1, 1, 4, 1})},
      {Summary({3}, {1}), pattern({4})},
      {Summary({2}, {1}), pattern({1, 1, 2, 2})},
      {Summary({3}, {}), pattern({1, 1, 2, 2})},
  };
  for (const auto& [summary, chunks] : replies) {
    ScriptedServer server;
    Answer(server, Summary({0, 3}, {0, 1}), Scores({2, 2}));
    Answer(server, summary, chunks);
    EXPECT_EQ(RunCommand(server, {"attn", "-m", "m", "a", "--head", "3.1"}).status().code(),
              absl::StatusCode::kDataLoss);
  }
  ScriptedServer server;
  Answer(server, Summary({0, 3}, {0, 1}), Scores({4, 1}));
  EXPECT_EQ(RunCommand(server, {"attn", "-m", "m", "a"}).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace circuitd::client
