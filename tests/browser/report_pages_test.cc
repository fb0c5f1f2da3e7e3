// Reports in a browser: they show what the files say that they are made of, and everybody can use them.
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/graph/circuit_exports.h"
#include "tests/integration/python.h"
#include "tests/integration/server_process.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

using nlohmann::json;

// Markup, quotes, an end of the script, letters from right to left, controls.
constexpr char kHostile[] =
    "</script><img src=x onerror=\"window.hostile=1\"><b class=hostile>' & \u05e9\u05dc\u05d5\u05dd \u202eevil\u2066 "
    "\x1b[31m";

// An edge circuit of so many edges, with scores over magnitudes of both signs.
CircuitDocument EdgeCircuit(const ModelConfig& config, size_t count) {
  std::mt19937 random(11);
  std::vector<Edge> edges = EdgeSet::All(config).Edges();
  std::shuffle(edges.begin(), edges.end(), random);
  edges.resize(count);
  CircuitDocument document = EdgeDocument();
  document.config = config;
  document.circuit.edges.emplace(config);
  document.scores.emplace(config);
  std::normal_distribution<double> exponent(-3, 1.2);
  std::bernoulli_distribution negative(0.4);
  for (const Edge& edge : edges) {
    document.circuit.edges->Set(edge, true);
    const double size = std::pow(10, exponent(random));
    document.scores->Set(ReceiverRank(config, edge.receiver), SenderRank(config, edge.sender),
                         negative(random) ? -size : size);
  }
  document.circuit.nodes = document.circuit.edges->Nodes();
  return document;
}

// What one head looks at and writes, in such words.
std::string HostileHeads(const CircuitDocument& document) {
  const Node* head = nullptr;
  for (const Node& node : document.circuit.nodes) {
    if (node.is_head() && head == nullptr) head = &node;
  }
  const json writes = {{{"position", 1}, {"token", kHostile}, {"writes", {kHostile, "\u0645\u0631", "\t"}}}};
  const json one = {{"name", NodeName(*head)},
                    {"layer", head->layer},
                    {"head", head->head},
                    {"pattern", {{1.0}, {0.25, 0.75}}},
                    {"writes", writes}};
  const json set = {{"label", kHostile},
                    {"prompt_count", 1},
                    {"tokens", {"\n", kHostile}},
                    {"positions_per_cell", 1},
                    {"heads", {one}}};
  return json({{"schema", "circuitd.heads/1"}, {"sets", {set}}}).dump();
}

// Decisions on the first few edges, none of which has a number.
std::string LogWithoutNumbers(const EdgeSet& edges) {
  std::string lines;
  const std::vector<std::string> names = Names(edges);
  for (size_t i = 0; i < 5; ++i) {
    const std::vector<std::string> ends = absl::StrSplit(names[i], "->");
    const json decision = {
        {"index", i},           {"sender", ends[0]}, {"receiver", ends[1]},       {"metric", nullptr},
        {"criterion", nullptr}, {"removed", false},  {"edges_kept", edges.size()}};
    absl::StrAppend(&lines, decision.dump(), "\n");
  }
  return lines;
}

class ReportPagesTest : public SharedServerTest {
 protected:
  static void SetUpTestSuite() {
    SharedServerTest::SetUpTestSuite();
    folder_ = std::make_unique<TempFolder>();
    MakeNodes();
    MakeEdges();
    MakeTasks();
    MakeHostile();
  }
  static void TearDownTestSuite() {
    folder_.reset();
    SharedServerTest::TearDownTestSuite();
  }

  static void Run(const std::vector<std::string>& arguments) {
    const Finished finished = server_->Run(arguments);
    ASSERT_EQ(finished.exit_code, 0) << arguments.front() << finished.out << finished.err;
  }
  static void Prune(const std::string& task, const std::string& folder) {
    Run({"prune", "-m", "demo", "--task", task, "--num-samples", "2", "-o", folder_->File(folder)});
  }
  static void Report(const std::string& folder) {
    if (!folder_->Has(folder + "/report.html")) Run({"report", folder_->File(folder)});
  }

  static void MakeNodes() {
    Prune("numerals", "nodes");
    Report("nodes");
  }
  static void MakeEdges() {
    std::filesystem::create_directory(folder_->File("edges"));
    folder_->Write("edges/circuit.json", CircuitJson(EdgeCircuit(GraphConfig(12, 12), 2'000)));
    Report("edges");
  }
  static void MakeTasks() {
    const std::vector<std::string> tasks = {"numerals", "numwords", "months"};
    std::vector<std::string> arguments = {
        "diff", "-m", "demo", "--num-samples", "2", "--task", absl::StrJoin(tasks, ","), "-o", folder_->File("tasks")};
    for (const std::string& task : tasks) {
      Prune(task, task);
      arguments.push_back(folder_->File(task));
    }
    Run(arguments);
    Report("tasks");
  }
  static void MakeHostile() {
    std::filesystem::create_directory(folder_->File("hostile"));
    CircuitDocument document = EdgeCircuit(GraphConfig(24, 16), 100'000);
    document.model_name = kHostile;
    document.task_json = json({{"task", kHostile}}).dump();
    json circuit = json::parse(CircuitJson(document));
    circuit["score"] = nullptr;
    circuit["decision_count"] = 5;
    circuit["parameters"]["method"] = kHostile;
    folder_->Write("hostile/circuit.json", circuit.dump());
    folder_->Write("hostile/decisions.jsonl", LogWithoutNumbers(*document.circuit.edges));
    folder_->Write("hostile/heads.json", HostileHeads(document));
    Report("hostile");
  }

  static void ExpectPasses(const std::string& script, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), absl::StrCat(CIRCUITD_SOURCE_DIR, "/tests/browser/", script));
    const Finished finished = RunPython(folder_->path(), arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  }

  static inline std::unique_ptr<TempFolder> folder_;
};

TEST_F(ReportPagesTest, ShowWhatTheirFilesSay) { ExpectPasses("check_report_contents.py", {folder_->path()}); }

TEST_F(ReportPagesTest, AreUsableByEverybody) {
  std::vector<std::string> pages;
  for (const char* name : {"nodes", "edges", "tasks", "hostile"}) {
    pages.push_back(folder_->File(absl::StrCat(name, "/report.html")));
  }
  ExpectPasses("check_report_use.py", pages);
}

}  // namespace
}  // namespace circuitd
