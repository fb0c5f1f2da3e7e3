// `circuit prune` from the command line to the files on disk.
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/integration/job_output.h"
#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

// A node as the published results spell it: a layer for an MLP, [layer, head] for a head.
json PublishedNode(const json& node) {
  return node["kind"] == "mlp" ? node["layer"] : json::array({node["layer"], node["head"]});
}

class PruneCommandTest : public SharedServerTest {
 protected:
  static void SetUpTestSuite() {
    std::vector<std::string> flags = ServerFlags();
    for (const std::string name : {"seqcont-4l", "nano-sort"}) {
      flags.insert(flags.end(), {"--model", name + "=" + SharedFolder("models/" + name)});
    }
    StartServer(flags);
  }

  // A pruning run into `folder`; its arguments but the command's name.
  static void Prune(const TempFolder& folder, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "prune");
    arguments.insert(arguments.end(), {"-o", folder.path()});
    const Finished finished = server_->Run(arguments);
    ASSERT_EQ(finished.exit_code, 0) << finished.err;
  }
};

TEST_F(PruneCommandTest, LeavesACircuitAndItsPicturesOnDisk) {
  const TempFolder folder;
  Prune(folder, {"--model", "demo", "--task", "numerals", "--num-samples", "2", "--one-iter"});
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) files.insert(entry.path().filename());
  EXPECT_THAT(files, UnorderedElementsAre("circuit.json", "decisions.jsonl", "circuit.dot", "circuit.svg",
                                          "circuit.graphml", "seqcont.json", "heads.json", "report.html"));

  const json circuit = json::parse(folder.Read("circuit.json"));
  EXPECT_EQ(circuit["schema"], "circuitd.circuit/1");
  EXPECT_EQ(circuit["model"]["name"], "demo");
  const json models = server_->RunJson({"models"})["models"];
  const auto demo = std::find_if(models.begin(), models.end(), [](const json& m) { return m["name"] == "demo"; });
  ASSERT_NE(demo, models.end());
  EXPECT_EQ(circuit["model"]["sha256"], (*demo)["sha256"]);
  EXPECT_EQ(circuit["model"]["sha256"].get<std::string>().size(), 64u);
  EXPECT_EQ(circuit["parameters"]["prompt_count"], 6);
  EXPECT_GT(circuit["score"], 100 - circuit["parameters"]["threshold"].get<double>());

  json published = {{"heads", json::array()}, {"mlps", json::array()}};
  for (const json& node : circuit["nodes"]) {
    published[node["kind"] == "mlp" ? "mlps" : "heads"].push_back(PublishedNode(node));
  }
  EXPECT_EQ(json::parse(folder.Read("seqcont.json")), published);
  EXPECT_THAT(circuit["nodes"], Not(testing::IsEmpty()));

  const std::vector<json> decisions = JsonLines(folder.Read("decisions.jsonl"));
  EXPECT_EQ(circuit["decision_count"], decisions.size());
  for (size_t i = 0; i < decisions.size(); ++i) EXPECT_EQ(decisions[i]["index"], i);
  EXPECT_EQ(decisions.back()["heads_kept"], published["heads"].size());
  EXPECT_EQ(decisions.back()["mlps_kept"], published["mlps"].size());
}

TEST_F(PruneCommandTest, DrawsAPictureThatIsWellFormedXml) {
  const TempFolder folder;
  Prune(folder, {"--model", "demo", "--task", "months", "--variants", "done", "--num-samples", "1", "--one-iter"});
  ProcessOptions options;
  options.arguments = {"/usr/bin/env", "python3", "-c",
                       "import sys, xml.etree.ElementTree as tree; print(tree.parse(sys.argv[1]).getroot().tag)",
                       folder.File("circuit.svg")};
  const auto parser = Subprocess::Start(options);
  EXPECT_EQ(parser->Wait(), 0) << parser->err();
  EXPECT_EQ(parser->out(), "{http://www.w3.org/2000/svg}svg\n");
}

TEST_F(PruneCommandTest, NamesTheDefaultFolderAfterTheJob) {
  const Finished finished = server_->Run(
      {"prune", "--model", "demo", "--task", "numwords", "--variants", "lost", "--num-samples", "1", "--one-iter"});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const size_t job = finished.err.find("jobs/");
  ASSERT_NE(job, std::string::npos) << finished.err;
  const std::string id = finished.err.substr(job + 5, finished.err.find(' ', job) - job - 5);
  EXPECT_TRUE(server_->client_folder().Has(absl::StrCat("circuit-out/numwords-", id, "/circuit.json"))) << id;
}

TEST_F(PruneCommandTest, SaysOnlyWhatAJobWouldCost) {
  const json answer = server_->RunJson({"prune", "--model", "demo", "--task", "numerals", "--validate-only"});
  EXPECT_EQ(answer["estimate"]["candidatesPerIteration"], "72");
  EXPECT_EQ(answer["estimate"]["promptCount"], "96");
  EXPECT_GT(std::stoll(answer["estimate"]["memoryBytes"].get<std::string>()), 0);
  EXPECT_GT(answer["estimate"]["secondsPerIteration"], 0.0);
  const json jobs = server_->RunJson({"jobs", "--state", "queued,running"});
  EXPECT_EQ(jobs["jobs"], json::array());
}

TEST_F(PruneCommandTest, MakesTheDecisionsOfTheReferenceOnPublishedPrompts) {
  const TempFolder folder;
  Prune(folder, {"--model", "seqcont-4l", "--task", "numerals", "--prompts", SharedFolder("prompts"), "--num-samples",
                 "8", "--means", "clean", "--threshold", "75", "--one-iter"});
  std::ifstream file(SharedFolder("golden") + "/node_pruning_numerals_clean_t75_n8_one_iter.json");
  const json golden = json::parse(file);
  const std::vector<json> decisions = JsonLines(folder.Read("decisions.jsonl"));
  ASSERT_EQ(decisions.size(), golden["decisions"].size());
  for (size_t i = 0; i < decisions.size(); ++i) {
    const json& expected = golden["decisions"][i];
    EXPECT_EQ(PublishedNode(decisions[i]), expected["node"]) << i;
    EXPECT_EQ(decisions[i]["removed"], expected["removed"]) << i;
    EXPECT_NEAR(decisions[i]["score"].get<double>(), expected["score"].get<double>(), 1e-3) << i;
  }
  const json published = json::parse(folder.Read("seqcont.json"));
  EXPECT_EQ(published["heads"], golden["heads"]);
  EXPECT_EQ(published["mlps"], golden["mlps"]);
}

TEST_F(PruneCommandTest, TakesPairsOfTokenIdsForAModelWithoutTokenizer) {
  // The model sorts: of these six digits the smallest comes first.
  const std::string pairs =
      server_->client_folder().Write("pairs.jsonl", R"({"clean":[2,0,1,0,1,2],"corrupted":[2,1,1,2,1,2],)"
                                                    R"("correct":0,"incorrect":1})"
                                                    "\n"
                                                    R"({"clean":[1,0,1,0,1,2],"corrupted":[1,1,1,2,1,2],)"
                                                    R"("correct":[0],"incorrect":[1,2]})"
                                                    "\n");
  const TempFolder folder;
  Prune(folder, {"--model", "nano-sort", "--prompts", pairs, "--one-iter"});
  const json circuit = json::parse(folder.Read("circuit.json"));
  EXPECT_EQ(circuit["parameters"]["prompt_count"], 2);
  EXPECT_GT(circuit["full_logit_diff"], 10);
}

TEST_F(PruneCommandTest, DoesNotWriteOverAnotherRun) {
  const TempFolder folder;
  folder.Write("circuit.json", "mine");
  ExpectRefused({"prune", "--model", "demo", "--task", "numerals", "-o", folder.path()}, 2, {"--force"});
  EXPECT_EQ(folder.Read("circuit.json"), "mine");
}

}  // namespace
}  // namespace circuitd
