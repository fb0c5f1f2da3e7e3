// The Python examples against the real server: each runs, and says what is known of the shipped model.
#include <gmock/gmock.h>

#include <cmath>
#include <fstream>
#include <regex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/integration/python.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr char kClean[] = "Sand done in 1. Hat done in 2. Ring done in 3. Desk done in 4. Sun done in";
constexpr char kCorrupted[] = "Sand done in 7. Hat done in 2. Ring done in 9. Desk done in 3. Sun done in";

class PythonExamplesTest : public SharedServerTest {
 protected:
  // Runs in the client's folder, where the stubs are generated once for all tests.
  static Finished Run(const std::string& script, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {absl::StrCat(CIRCUITD_SOURCE_DIR, "/examples/python/", script), "--server",
                                          server_->address(), "--model", "demo"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunPython(server_->client_folder().path(), arguments);
  }
  // The output of a script that succeeds.
  static std::string Output(const std::string& script, const std::vector<std::string>& more = {}) {
    const Finished finished = Run(script, more);
    EXPECT_EQ(finished.exit_code, 0) << script << "\n" << finished.out << finished.err;
    return finished.out;
  }
  // What the first group of `pattern` matches in `text`.
  static std::string Find(const std::string& text, const std::string& pattern) {
    std::smatch match;
    EXPECT_TRUE(std::regex_search(text, match, std::regex(pattern))) << pattern << " is not in:\n" << text;
    return match.size() > 1 ? match[1].str() : "";
  }
  static double Number(const std::string& text, const std::string& pattern) {
    const std::string found = Find(text, pattern);
    return found.empty() ? 0 : std::stod(found);
  }
};

// The script that installs them and the list for everybody else have to agree.
TEST_F(PythonExamplesTest, RunWithThePackagesOfTheRequirements) {
  std::ifstream requirements(absl::StrCat(CIRCUITD_SOURCE_DIR, "/examples/python/requirements.txt"));
  ASSERT_TRUE(requirements);
  int packages = 0;
  for (std::string line; std::getline(requirements, line); ++packages) {
    const std::vector<std::string> parts = absl::StrSplit(line, "==");
    ASSERT_EQ(parts.size(), 2u) << line;
    const Finished installed = RunPython(
        server_->client_folder().path(),
        {"-c", absl::StrCat("import importlib.metadata; print(importlib.metadata.version('", parts[0], "'))")});
    EXPECT_EQ(installed.out, parts[1] + "\n") << parts[0] << installed.err;
  }
  EXPECT_EQ(packages, 4);
}

TEST_F(PythonExamplesTest, ForwardPrintsTheNextToken) {
  EXPECT_EQ(Find(Output("forward.py", {kClean, "--top-k", "1"}), "tokens\\)\\s+'([^']*)'"), " 5");
}

TEST_F(PythonExamplesTest, ForwardSavesActivationsThatNumpyReads) {
  const std::string out = Output("forward.py", {kClean, "--capture", "blocks.*.attn.hook_pattern", "--capture",
                                                "hook_embed", "--output", "activations.npz"});
  EXPECT_THAT(out, HasSubstr("5 tensors -> activations.npz"));
  const Finished read = RunPython(server_->client_folder().path(),
                                  {"-c",
                                   "import numpy; a = numpy.load('activations.npz'); "
                                   "p = a['blocks.2.attn.hook_pattern/0']; "
                                   "print(p.shape, a['hook_embed/0'].shape, numpy.allclose(p.sum(-1), 1, atol=1e-5))"});
  EXPECT_EQ(read.out, "(8, 23, 23) (23, 128) True\n") << read.err;
}

TEST_F(PythonExamplesTest, PatchedRunChangesTheLogitDifference) {
  const std::string out = Output("patched_run.py", {"--resample", "0.0,0.1,0.2,0.3,0.4,0.5,0.6,0.7", "--correct", " 5",
                                                    "--incorrect", " 4", kClean, kCorrupted});
  const double before = Number(out, "logit difference: (\\S+) ->"), after = Number(out, "-> (\\S+)\n");
  EXPECT_GT(before, 5);
  EXPECT_LT(after, before - 1);
}

TEST_F(PythonExamplesTest, PatchedRunSteers) {
  const std::vector<std::string> shared = {"--correct", " 5", "--incorrect", " 4", kClean, kCorrupted};
  std::vector<std::string> steered = shared;
  steered.insert(steered.end(), {"--steer", "2"});
  const std::string still = Output("patched_run.py", shared), moved = Output("patched_run.py", steered);
  EXPECT_EQ(Find(still, ": (\\S+) ->"), Find(still, "-> (\\S+)\n"));
  EXPECT_EQ(Find(still, ": (\\S+) ->"), Find(moved, ": (\\S+) ->"));
  EXPECT_NE(Find(moved, ": (\\S+) ->"), Find(moved, "-> (\\S+)\n"));
}

TEST_F(PythonExamplesTest, SweepFindsWhereTheAnswerIsMade) {
  const std::string out = Output("sweep.py", {"--num-samples", "2"});
  EXPECT_THAT(out, HasSubstr("hook_resid_pre, % recovered"));
  EXPECT_THAT(out, HasSubstr("attn.hook_z, % recovered"));
  EXPECT_GT(Number(out, "clean (\\S+) "), 5);
  // The first word is the same in both prompts of a pair, so that patching it changes nothing.
  EXPECT_EQ(Number(out, "\n +0 '[^']+' +(\\S+)"), 0);
  EXPECT_GT(Number(out, "strongest: layer 3, column 22, (\\S+) %"), 30);
}

TEST_F(PythonExamplesTest, PathPatchingSortsTheEdgesByEffect) {
  const std::string out = Output("path_patching.py", {"--num-samples", "2", "--receiver", "logits", "--receiver",
                                                      "A3.2.q", "--receiver", "M2", "--top", "100"});
  EXPECT_THAT(out, HasSubstr("92 edges"));  // 37 + 28 + 27
  const double largest = std::abs(Number(out, "edges\n.* +([-+]\\S+) %"));
  EXPECT_GT(largest, 1);
  EXPECT_THAT(out, HasSubstr("-> A3.2.q"));
  EXPECT_THAT(out, HasSubstr("-> logits"));
}

TEST_F(PythonExamplesTest, TheLensEndsWithTheModelsOwnAnswer) {
  const std::string lens = Output("logit_lens.py", {"--task", "numerals", "--num-samples", "1"});
  const std::string tasks = Output("tasks.py", {"--task", "numerals", "--num-samples", "1", "--generate"});
  const std::string prompt = nlohmann::json::parse(tasks.substr(0, tasks.find('\n')))["clean"];
  const std::string forward = Output("forward.py", {prompt, "--top-k", "1"});
  EXPECT_EQ(Find(lens, "hook_resid_post +\\S+ +'([^']*)'"), Find(forward, "tokens\\)\\s+'([^']*)'"));
  EXPECT_THAT(lens, HasSubstr("the answer takes over at blocks."));
}

TEST_F(PythonExamplesTest, TheAttributionsAddUpToTheLogitDifference) {
  const std::string out = Output("logit_attribution.py", {"--num-samples", "2"});
  EXPECT_GT(Number(out, "logit difference: (\\S+)"), 5);
  EXPECT_NEAR(Number(out, "sum of all 43: ([^;]+);"), Number(out, "logit difference: (\\S+)"), 2e-3);
}

TEST_F(PythonExamplesTest, AttentionIsADistribution) {
  const std::string out = Output("attention.py", {"--show", "1.5", "--num-samples", "2"});
  EXPECT_THAT(out, HasSubstr("rows add up to 1: True"));
  const double best = Number(out, "previous_token +A\\d\\.\\d (\\S+),");
  EXPECT_GT(best, 0.1);
  EXPECT_LE(best, 1);
}

TEST_F(PythonExamplesTest, HeadsHaveOvAndQkScores) {
  const std::string out = Output("ov_qk.py", {"--num-samples", "2"});
  EXPECT_THAT(out, HasSubstr("OV, at 138 positions"));  // 2 of each variant, 23 tokens each
  EXPECT_GT(Number(out, "writes the next member: +A\\S+ (\\d+) %"), 10);
  EXPECT_THAT(out, HasSubstr("looks for the one before:"));
}

TEST_F(PythonExamplesTest, TasksAreListedAndGenerated) {
  const std::string list = Output("tasks.py");
  EXPECT_THAT(list, HasSubstr("numerals: "));
  EXPECT_THAT(list, HasSubstr("last_member"));
  const Finished generated = Run("tasks.py", {"--task", "months", "--num-samples", "2", "--generate"});
  EXPECT_EQ(generated.exit_code, 0) << generated.err;
  EXPECT_THAT(generated.err, HasSubstr("of 6 kept"));
  const nlohmann::json first = nlohmann::json::parse(generated.out.substr(0, generated.out.find('\n')));
  EXPECT_NE(first["clean"], first["corrupted"]);
  EXPECT_GE(first["correct_probability"].get<double>(), 2 * first["incorrect_probability"].get<double>());
}

TEST_F(PythonExamplesTest, NodePruningSavesTheCircuit) {
  const std::string out = Output("node_pruning.py", {"--num-samples", "1", "--one-iteration"});
  EXPECT_THAT(out, HasSubstr("-> circuit.json"));
  const nlohmann::json circuit = nlohmann::json::parse(server_->client_folder().Read("circuit.json"), nullptr, false);
  ASSERT_FALSE(circuit.is_discarded());
  EXPECT_GT(Number(out, ": (\\S+) % of"), 80);
  EXPECT_EQ(circuit["nodes"].size(), static_cast<size_t>(Number(out, "with (\\d+) nodes")));
}

TEST_F(PythonExamplesTest, AnEdgeCircuitIsFoundAndJudged) {
  const std::string out =
      Output("edge_circuits.py", {"--num-samples", "2", "--top-k", "300", "--output", "edge-circuit.json"});
  const nlohmann::json circuit =
      nlohmann::json::parse(server_->client_folder().Read("edge-circuit.json"), nullptr, false);
  ASSERT_FALSE(circuit.is_discarded());
  EXPECT_EQ(circuit["edges"].size(), static_cast<size_t>(Number(out, ": (\\d+) edges between")));
  EXPECT_GT(Number(out, "faithfulness (\\S+);"), 0.1);
  EXPECT_LT(std::abs(Number(out, "random circuits (\\S+),")), 1);
  EXPECT_GT(Number(out, "CPR (\\S+),"), 0.3);
  EXPECT_NEAR(Number(out, "100.0 % of the edges: +\\d+ matter, faithfulness (\\S+)"), 1, 1e-3);
}

TEST_F(PythonExamplesTest, ThePublishedAnalysesFindACircuit) {
  const std::string out = Output("published_analyses.py", {"--num-samples", "2"});
  EXPECT_THAT(out, HasSubstr("of 6 prompts kept"));
  EXPECT_GT(Number(out, "MLPs keep (\\S+) % of"), 80);
  EXPECT_THAT(out, HasSubstr("early layers 0-0"));
  EXPECT_THAT(out, HasSubstr("late  layers 2-3"));
  EXPECT_THAT(out, HasSubstr("blocks.3.hook_resid_post"));
  EXPECT_THAT(out, HasSubstr("OV writes the next member"));
  EXPECT_GT(Number(out, "(\\d+) of \\d+ edges, between"), 10);
  EXPECT_GT(Number(out, "numerals +score +(\\S+) %"), 80);
  EXPECT_THAT(out, HasSubstr("loss of score without a node"));
  EXPECT_THAT(out, Not(HasSubstr("nan")));
}

TEST_F(PythonExamplesTest, SayWhatTheServerRefuses) {
  const Finished finished = Run("forward.py", {""});
  EXPECT_EQ(finished.exit_code, 1);
  EXPECT_THAT(finished.err, HasSubstr("INVALID_ARGUMENT: prompts[0]: 0 tokens"));
  EXPECT_THAT(finished.err, Not(HasSubstr("Traceback")));
}

}  // namespace
}  // namespace circuitd
