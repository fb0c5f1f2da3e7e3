// Circuits of edges from the command line: found, judged, compared, taken to other formats and back.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "tests/integration/server_process.h"

namespace circuitd {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::UnorderedElementsAre;

std::set<std::string> FilesIn(const std::string& folder) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) files.insert(entry.path().filename());
  return files;
}

std::set<std::string> NodeNames(const json& circuit) {
  std::set<std::string> names;
  for (const json& node : circuit["nodes"]) names.insert(node["name"]);
  return names;
}

// Two node circuits that the tests start from.
class CircuitsTest : public SharedServerTest {
 protected:
  static void SetUpTestSuite() {
    StartServer(ServerFlags());
    for (const std::string task : {"numerals", "months"}) {
      Run({"prune", "-m", "demo", "-t", task, "-n", "2", "--one-iter", "-o", NodeCircuit(task)});
    }
  }
  static void TearDownTestSuite() {
    SharedServerTest::TearDownTestSuite();
    circuits_.reset();
  }

  static std::string NodeCircuit(const std::string& task) {
    if (circuits_ == nullptr) circuits_ = std::make_unique<TempFolder>();
    return circuits_->File(task);
  }

  // Standard output of a command that must succeed.
  static std::string Run(const std::vector<std::string>& arguments) {
    const Finished finished = server_->Run(arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    return finished.out;
  }

  static inline std::unique_ptr<TempFolder> circuits_;
};

TEST_F(CircuitsTest, FindsTheEdgesAmongTheNodesOfACircuit) {
  const TempFolder folder;
  const Finished finished = server_->Run(
      {"edges", "-m", "demo", "-t", "numerals", "-n", "2", "--circuit", NodeCircuit("numerals"), "-o", folder.path()});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  EXPECT_THAT(finished.err, ContainsRegex("->[AMl][^ ]* -?[0-9.]+ stays\n"));
  EXPECT_THAT(finished.out, ContainsRegex("Circuit: [0-9,]+ edges, [0-9]+ nodes"));
  const json edges = json::parse(folder.Read("circuit.json"));
  EXPECT_THAT(edges["edges"], testing::Not(testing::IsEmpty()));
  const json nodes = json::parse(std::ifstream(NodeCircuit("numerals") + "/circuit.json"));
  EXPECT_THAT(NodeNames(nodes), IsSupersetOf(NodeNames(edges)));
}

TEST_F(CircuitsTest, FindsCircuitsOfEdgesByScoresAndByTrying) {
  const TempFolder scored;
  Run({"eap", "-m", "demo", "-t", "numerals", "-n", "2", "--method", "eap-ig", "--top-k", "60", "--keep-dangling", "-o",
       scored.path()});
  EXPECT_THAT(FilesIn(scored.path()), IsSupersetOf({"circuit.json", "eap.json"}));
  EXPECT_EQ(json::parse(scored.Read("circuit.json"))["edges"].size(), 60u);
  const TempFolder tried;
  Run({"acdc", "-m", "demo", "-t", "numerals", "--variants", "done", "-n", "1", "--threshold", "0.1", "-o",
       tried.path()});
  EXPECT_TRUE(json::parse(tried.Read("circuit.json")).contains("edges"));
}

TEST_F(CircuitsTest, JudgesEveryCircuitOnEveryTask) {
  const TempFolder folder;
  const std::string report =
      Run({"eval", "-m", "demo", "--circuit", NodeCircuit("numerals"), "--circuit", NodeCircuit("months"), "-t",
           "numerals,months", "-n", "2", "--random", "3", "--drop-one", "--knockouts", "2", "-o", folder.path()});
  EXPECT_THAT(report, ContainsRegex("CIRCUIT +numerals +months\nnumerals +[-0-9.]+ +[-0-9.]+\nmonths "));
  EXPECT_THAT(report, HasSubstr("numerals: what it loses without a part"));
  EXPECT_THAT(report, HasSubstr("Completeness"));
  EXPECT_THAT(FilesIn(folder.path()),
              UnorderedElementsAre("evaluation.json", "circuit-0.json", "circuit-1.json", "heads.json", "report.html"));
  const json jobs = server_->RunJson({"jobs", "--state", "succeeded"})["jobs"];
  const json& cells = jobs[0]["evaluation"]["cells"];
  ASSERT_EQ(cells.size(), 4u);
  // What node pruning scored by the same prompts and ablation.
  const json pruned = json::parse(std::ifstream(NodeCircuit("numerals") + "/circuit.json"));
  EXPECT_NEAR(cells[0]["score"].get<double>(), pruned["score"].get<double>(), 1e-2);
}

TEST_F(CircuitsTest, ComparesCircuitsWithTheirScoresInOneReport) {
  const TempFolder folder;
  const std::string shared = folder.File("shared");
  const std::string report = Run({"diff", NodeCircuit("numerals"), NodeCircuit("months"), "-m", "demo", "-t",
                                  "numerals,months", "-n", "2", "--random", "0", "-o", shared});
  EXPECT_THAT(report, HasSubstr("Shared by all: "));
  EXPECT_THAT(report, HasSubstr("Score in percent"));
  EXPECT_THAT(FilesIn(shared), IsSupersetOf({"circuit.json", "comparison.svg", "comparison.json", "evaluation.json"}));
  // The shared circuit is one that the server takes.
  const std::string judged =
      Run({"eval", "-m", "demo", "--circuit", shared, "-t", "numerals", "-n", "2", "--random", "0"});
  EXPECT_THAT(judged, HasSubstr("shared"));
}

TEST_F(CircuitsTest, TakesCircuitsToOtherToolsAndBack) {
  const TempFolder folder;
  const std::string eap = folder.File("eap.json");
  Run({"export", NodeCircuit("numerals"), "--format", "eap", "-o", eap});
  Run({"import", eap, "-m", "demo", "-o", folder.File("again.json")});
  const json before = json::parse(std::ifstream(NodeCircuit("numerals") + "/circuit.json"));
  const json after = json::parse(folder.Read("again.json"));
  EXPECT_EQ(NodeNames(after), NodeNames(before));
  EXPECT_EQ(after["model"]["sha256"], before["model"]["sha256"]);
}

TEST_F(CircuitsTest, RefusesHostileCircuitsBeforeAnythingRuns) {
  const TempFolder folder;
  const std::string hostile = folder.Write("hostile.json", R"({"heads": [[99, 0]], "mlps": []})");
  ExpectRefused({"edges", "-m", "demo", "-t", "numerals", "-n", "2", "--circuit", hostile}, 2, {"99"});
  ExpectRefused({"eval", "-m", "demo", "-t", "numerals", "-n", "2", "--circuit", hostile}, 2, {"99"});
  ExpectRefused({"import", hostile, "-m", "demo"}, 2, {"hostile.json", "99"});
}

}  // namespace
}  // namespace circuitd
