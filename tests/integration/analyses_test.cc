// The analyses from the command line, with the real server and client: their documents and files, and what is refused.
#include <gmock/gmock.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "tests/integration/python.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr int kUsage = 2;
constexpr char kClean[] = "Sand done in 1. Hat done in 2. Ring done in 3. Desk done in 4. Sun done in";
constexpr char kCorrupted[] = "Sand done in 7. Hat done in 2. Ring done in 9. Desk done in 3. Sun done in";
constexpr int kLayers = 4, kHeads = 8, kPositions = 23;

class AnalysesTest : public SharedServerTest {
 protected:
  // A command on generated prompts of the shipped model, one of each of the three variants.
  static std::vector<std::string> Command(const std::string& name, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {name, "--model", "demo", "--task", "numerals", "--num-samples", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  // A command on one pair that is in the arguments themselves.
  static std::vector<std::string> OnPair(const std::string& name, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {name,       "--model",   "demo", kClean,        "--corrupted-prompt",
                                          kCorrupted, "--correct", " 5",   "--incorrect", " 4"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  // The logit difference of kClean, as `circuit forward` has it.
  static double LogitDifference() {
    const json forward =
        server_->RunJson({"forward", "--model", "demo", kClean, "--correct", " 5", "--incorrect", " 4"});
    return forward["metric"]["mean"];
  }
  // What Python's safetensors finds in a file of the client's folder: {"name": [shape, sum of the finite elements]}.
  static json ReadWithPython(const std::string& file) {
    const Finished read =
        RunPython(server_->client_folder().path(),
                  {"-c", absl::StrCat("import json, numpy, safetensors.numpy as s\n"
                                      "print(json.dumps({name: [list(t.shape), float(t[numpy.isfinite(t)].sum())]\n"
                                      "                  for name, t in s.load_file('",
                                      file, "').items()}))")});
    EXPECT_EQ(read.exit_code, 0) << read.err;
    return json::parse(read.out, nullptr, /*allow_exceptions=*/false);
  }
};

// A document's tensor, and a file's, have this many rows and columns.
void ExpectGrid(const json& grid, size_t rows, size_t columns) {
  ASSERT_EQ(grid.size(), rows);
  for (const json& row : grid) EXPECT_EQ(row.size(), columns);
}

TEST_F(AnalysesTest, SweepMeasuresEveryLayerAndPositionAndHead) {
  const json sweep = server_->RunJson(
      OnPair("sweep", {"--hook", "hook_resid_pre", "--hook", "attn.hook_z", "-o", "sweep.safetensors"}));
  const json& positions = sweep["tensors"]["hook_resid_pre/mean"];
  ExpectGrid(positions, kLayers, kPositions);
  ExpectGrid(sweep["tensors"]["attn.hook_z/mean"], kLayers, kHeads);
  EXPECT_NEAR(sweep["cleanMetric"]["mean"].get<double>(), LogitDifference(), 1e-4);
  // The first word is the same in both prompts: patching it leaves the corrupted run as it is.
  EXPECT_NEAR(positions[0][0].get<double>(), sweep["corruptedMetric"]["mean"].get<double>(), 1e-6);
  EXPECT_GT(positions[3][22].get<double>(), sweep["corruptedMetric"]["mean"].get<double>() + 1);

  const json file = ReadWithPython("sweep.safetensors");
  ASSERT_EQ(file.size(), 2u);
  EXPECT_EQ(file["hook_resid_pre/mean"][0], json({kLayers, kPositions}));
  double sum = 0;
  for (const json& row : positions) {
    for (const json& value : row) sum += value.get<double>();
  }
  EXPECT_NEAR(file["hook_resid_pre/mean"][1].get<double>(), sum, 1e-3);
}

TEST_F(AnalysesTest, SweepTakesEitherPromptsActivations) {
  const auto sweep = [](const std::string& direction) {
    return server_->RunJson(OnPair(
        "sweep", {"--hook", "hook_resid_pre", "--layers", "0", "--positions", "3,-1", "--direction", direction}));
  };
  // At the end both prompts have the same embedding: each run stays as it is.
  const json denoising = sweep("denoising"), noising = sweep("noising");
  ExpectGrid(denoising["tensors"]["hook_resid_pre/mean"], 1, 2);
  EXPECT_EQ(denoising["cleanMetric"], noising["cleanMetric"]);
  EXPECT_EQ(denoising["corruptedMetric"], noising["corruptedMetric"]);
  EXPECT_NEAR(denoising["tensors"]["hook_resid_pre/mean"][0][1].get<double>(),
              denoising["corruptedMetric"]["mean"].get<double>(), 1e-6);
  EXPECT_NEAR(noising["tensors"]["hook_resid_pre/mean"][0][1].get<double>(),
              noising["cleanMetric"]["mean"].get<double>(), 1e-6);
}

TEST_F(AnalysesTest, PathPatchesEverySenderOfAReceiver) {
  const json paths = server_->RunJson(OnPair("path", {"--receiver", "logits", "--receiver", "A3.2.q"}));
  EXPECT_EQ(paths["paths"].size(), 37u + 28u);
  EXPECT_EQ(paths["tensors"]["mean"].size(), paths["paths"].size());
  EXPECT_EQ(paths["paths"][0]["sender"]["kind"], "NODE_KIND_EMBED");
  // The embedding at the last position is the same in both prompts, and logits read no other: a path that carries
  // nothing.
  EXPECT_NEAR(paths["tensors"]["mean"][0].get<double>(), paths["cleanMetric"]["mean"].get<double>(), 1e-6);

  // All senders at once make the corrupted run.
  const json together = server_->RunJson(OnPair("path", {"--receiver", "logits", "--together"}));
  ASSERT_EQ(together["tensors"]["mean"].size(), 1u);
  EXPECT_NEAR(together["tensors"]["mean"][0].get<double>(), together["corruptedMetric"]["mean"].get<double>(), 1e-4);
}

TEST_F(AnalysesTest, TheLensEndsWithWhatForwardSays) {
  const json lens =
      server_->RunJson({"lens", "--model", "demo", kClean, "--correct", " 5", "--incorrect", " 4", "--top-k", "3"});
  const json forward = server_->RunJson({"forward", "--model", "demo", kClean, "--top-k", "3"});
  ASSERT_EQ(lens["hooks"].size(), kLayers + 1u);
  const json& last = lens["prompts"][0]["positions"][0]["layers"][kLayers]["top"];
  const json& top = forward["prompts"][0]["top"];
  ASSERT_EQ(last.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(last[i]["token"]["id"], top[i]["token"]["id"]);
    EXPECT_NEAR(last[i]["logit"].get<double>(), top[i]["logit"].get<double>(), 1e-4);
  }
  EXPECT_NEAR(lens["tensors"]["logit_diff"][0][kLayers].get<double>(), LogitDifference(), 1e-4);
}

TEST_F(AnalysesTest, AttentionIsADistribution) {
  const json attention = server_->RunJson(Command("attn", {"--head", "1.5", "-o", "attention.safetensors"}));
  ExpectGrid(attention["scores"]["tensors"]["previous_token"], kLayers, kHeads);
  for (const json& row : attention["scores"]["tensors"]["induction"]) {
    for (const json& score : row) {
      EXPECT_GE(score.get<double>(), 0);
      EXPECT_LE(score.get<double>(), 1 + 1e-6);
    }
  }
  bool found = false;
  const json file = ReadWithPython("attention.safetensors");
  for (const auto& [name, entry] : file.items()) {
    if (entry[0] != json({1, 1, kPositions, kPositions})) continue;
    found = true;
    EXPECT_NEAR(entry[1].get<double>(), kPositions, 1e-3) << name;  // a row of each query, each adding up to 1
  }
  EXPECT_TRUE(found);
}

TEST_F(AnalysesTest, AttributionsAddUpToTheLogitDifference) {
  const json dla = server_->RunJson({"dla", "--model", "demo", kClean, "--correct", " 5", "--incorrect", " 4"});
  ASSERT_EQ(dla["components"].size(), 2u + kLayers * (kHeads + 2u) + 1u);
  double sum = 0;
  for (const json& value : dla["tensors"]["mean"]) sum += value.get<double>();
  EXPECT_NEAR(sum, dla["logitDiff"]["mean"].get<double>(), 1e-3);
  EXPECT_NEAR(sum, LogitDifference(), 1e-3);
}

TEST_F(AnalysesTest, OvKnowsTheTasksOwnSequence) {
  const json scores = server_->RunJson(Command("ov", {"--positions", "role:member_1,role:last_member"}));
  EXPECT_EQ(scores["ov"]["positionCount"], "6");
  EXPECT_EQ(scores["ov"]["memberCount"], "6");
  ExpectGrid(scores["ov"]["tensors"]["next"], kLayers, kHeads);
  const size_t members = scores["qk"]["members"].size();
  EXPECT_GE(members, 2u);
  ASSERT_EQ(scores["qk"]["tensors"]["scores"].size(), size_t{kLayers});
  ExpectGrid(scores["qk"]["tensors"]["scores"][0][0], members, members);
}

TEST_F(AnalysesTest, GeneratedPromptsAreTakenAgain) {
  const Finished generated = server_->Run(
      {"task", "generate", "months", "--model", "demo", "--num-samples", "2", "--filter", "--output", "months.jsonl"});
  EXPECT_EQ(generated.exit_code, 0) << generated.err;
  EXPECT_THAT(generated.err, HasSubstr("6 prompts generated, 6 kept"));
  const json file = server_->RunJson({"dla", "--model", "demo", "--prompts", "months.jsonl"});
  const json task = server_->RunJson({"dla", "--model", "demo", "--task", "months", "--num-samples", "2"});
  EXPECT_EQ(file["logitDiff"], task["logitDiff"]);
  EXPECT_EQ(file["tensors"], task["tensors"]);
}

TEST_F(AnalysesTest, TasksAreListed) {
  const json tasks = server_->RunJson({"task", "list"});
  ASSERT_EQ(tasks["tasks"].size(), 7u);
  EXPECT_EQ(tasks["tasks"][0]["name"], "numerals");
}

TEST_F(AnalysesTest, ForwardKeepsActivationsThatPythonReads) {
  const Finished finished =
      server_->Run({"forward", "--model", "demo", kClean, "--capture", "blocks.*.attn.hook_pattern", "--capture",
                    "blocks.2.hook_resid_post", "--capture-heads", "5,0", "--capture-positions", "-1,3", "--output",
                    "activations.safetensors"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  const json file = ReadWithPython("activations.safetensors");
  ASSERT_EQ(file.size(), kLayers + 1u);
  for (int layer = 0; layer < kLayers; ++layer) {
    const json& pattern = file[absl::StrCat("blocks.", layer, ".attn.hook_pattern/0")];
    EXPECT_EQ(pattern[0], json({2, 2, kPositions}));
    EXPECT_NEAR(pattern[1].get<double>(), 4, 1e-4);  // of two heads two queries, each adding up to 1
  }
  EXPECT_EQ(file["blocks.2.hook_resid_post/0"][0], json({2, 128}));
}

TEST_F(AnalysesTest, PatchKnocksOutAttentionAndCapturesIt) {
  const Finished finished =
      server_->Run({"patch", "--model", "demo", kClean, "--intervention",
                    "blocks.1.attn.hook_pattern:heads=2:positions=-1:keys=18:ablation=zero", "--capture",
                    "blocks.1.attn.hook_pattern", "--capture-heads", "2", "--output", "patched.safetensors"});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_EQ(ReadWithPython("patched.safetensors")["blocks.1.attn.hook_pattern/0"][0],
            json({1, kPositions, kPositions}));
  // Head 1.2 reads little else than the last member there.
  const Finished read = RunPython(server_->client_folder().path(),
                                  {"-c",
                                   "import safetensors.numpy as s\n"
                                   "p = s.load_file('patched.safetensors')['blocks.1.attn.hook_pattern/0'][0]\n"
                                   "print(p[22, 18] == 0, p[22].sum() < 0.01, abs(p[21].sum() - 1) < 1e-5)"});
  EXPECT_EQ(read.out, "True True True\n") << read.err;
}

// The same numbers from `patch` with a resampled head and from the sweep over that head.
TEST_F(AnalysesTest, ASweepIsManyPatches) {
  const json sweep =
      server_->RunJson(OnPair("sweep", {"--hook", "attn.hook_z", "--layers", "1", "--direction", "noising"}));
  for (const int head : {0, 5}) {
    const json patch =
        server_->RunJson({"patch", "--model", "demo", kClean, "--source-prompt", kCorrupted, "--ablate",
                          absl::StrCat("A1.", head, "=resample"), "--correct", " 5", "--incorrect", " 4"});
    EXPECT_NEAR(patch["patchedMetric"]["mean"].get<double>(),
                sweep["tensors"]["attn.hook_z/mean"][0][head].get<double>(), 1e-4);
  }
}

TEST_F(AnalysesTest, RefusesWhatThereIsNot) {
  ExpectRefused(Command("sweep", {"--hook", "attn.hook_y"}), kUsage, {"INVALID_ARGUMENT: hooks[0]", "attn.hook_y"});
  ExpectRefused(Command("sweep", {"--hook", "attn.hook_z", "--layers", "4"}), kUsage, {"layers[0]: 4, ", "(0-3)"});
  ExpectRefused(Command("sweep", {"--hook", "hook_attn_out", "--positions", "64"}), kUsage, {"positions[0]: 64"});
  ExpectRefused(Command("path", {"--receiver", "A4.0.q"}), kUsage, {"receivers[0]", "4", "(0-3)"});
  ExpectRefused(Command("path", {"--receiver", "A1.0.q", "--sender", "A2.0"}), kUsage, {"senders[0]"});
  ExpectRefused(Command("lens", {"--positions", "99"}), kUsage, {"positions.indices[0]: 99", "23"});
  ExpectRefused(Command("lens", {"--positions", "role:nobody"}), kUsage, {"positions.roles[0]", "nobody"});
  ExpectRefused(Command("attn", {"--layers", "4"}), kUsage, {"layers[0]: 4, model has 4 (0-3)"});
  ExpectRefused(Command("ov", {"--top-k", "1001"}), kUsage, {"top_k: 1001", "0-1000"});
  ExpectRefused({"forward", "--model", "demo", kClean, "--capture", "blocks.*.attn.hook_z", "--capture-heads", "8",
                 "-o", "refused.safetensors"},
                kUsage, {"capture.heads[0]: 8, model has 8 (0-7)"});
  EXPECT_FALSE(server_->client_folder().Has("refused.safetensors"));
}

TEST_F(AnalysesTest, RefusesPromptsThatLackSomething) {
  ExpectRefused({"sweep", "--model", "demo", kClean, "--hook", "attn.hook_z"}, kUsage, {"prompts.inline.corrupted"});
  ExpectRefused({"dla", "--model", "demo", kClean}, kUsage, {"prompts.inline.answers"});
  ExpectRefused({"sweep", "--model", "demo", "--hook", "attn.hook_z", kClean, "--corrupted-prompt", "Sand done",
                 "--correct", " 5", "--incorrect", " 4"},
                kUsage, {"prompts.inline.corrupted[0]", "2", "23"});
  ExpectRefused({"lens", "--model", "demo", "--task", "letters"}, kUsage, {"prompts.task.task: \"letters\""});
}

}  // namespace
}  // namespace circuitd
