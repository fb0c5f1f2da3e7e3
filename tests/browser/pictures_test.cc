// Every kind of picture in a browser: no text is cut, overlaps another one, leaves its cell or has lines through it.
#include <gmock/gmock.h>

#include <filesystem>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cli/heat_map_svg.h"
#include "server/graph/circuit_exports.h"
#include "server/graph/comparison_svg.h"
#include "tests/integration/python.h"
#include "tests/integration/server_process.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

using client::ColourScale;
using client::HeatMap;

// Of what people name things; none has a space to be broken at.
const std::string kLongName =
    "gpt2-small-fine-tuned-on-WWWWWWWWWWWW-sequences-of-numerals-and-months-2026-11-24-final-v2";
const std::vector<std::string> kHostile = {"</text><script>alert(1)</script>",
                                           "\"quoted\" & 'quoted'",
                                           "\u202eevil",
                                           "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd 42",
                                           "\u0645\u0631\u062d\u0628\u0627",
                                           "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8",
                                           "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW",
                                           "\x1b[31m\x01\xff\n",
                                           ""};

class PicturesTest : public SharedServerTest {
 protected:
  // Expects that a browser shows the files, names in the folder, as they should look.
  static void ExpectReadable(const TempFolder& folder, const std::vector<std::string>& names) {
    std::vector<std::string> arguments = {absl::StrCat(CIRCUITD_SOURCE_DIR, "/tests/browser/check_svgs.py")};
    for (const std::string& name : names) arguments.push_back(folder.File(name));
    const Finished finished = RunPython(folder.path(), arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished.out << finished.err;
  }
};

CircuitDocument Document(int n_layers, int n_heads, double edges, uint32_t seed) {
  std::mt19937 random(seed);
  CircuitDocument document = edges > 0 ? EdgeDocument() : NodeDocument();
  document.config = GraphConfig(n_layers, n_heads);
  document.circuit.nodes = AllNodes(document.config);
  document.circuit.edges.reset();
  document.scores.reset();
  std::bernoulli_distribution out(0.3);
  std::erase_if(document.circuit.nodes, [&](const Node&) { return out(random); });
  if (edges == 0) return document;
  document.circuit.edges = RandomEdges(document.config, edges, random);
  document.scores.emplace(document.config);
  std::normal_distribution<double> value;
  for (const Edge& edge : document.circuit.edges->Edges()) {
    document.scores->Set(ReceiverRank(document.config, edge.receiver), SenderRank(document.config, edge.sender),
                         value(random));
  }
  document.circuit.nodes = document.circuit.edges->Nodes();
  return document;
}

TEST_F(PicturesTest, OfCircuitsAreReadable) {
  const TempFolder folder;
  std::vector<std::string> names;
  const auto add = [&](const CircuitDocument& document, HeadInputs inputs) {
    names.push_back(absl::StrCat("circuit-", names.size(), ".svg"));
    folder.Write(names.back(), CircuitSvg(document, inputs));
  };
  for (const auto& [n_layers, n_heads, edges] :
       {std::tuple(1, 1, 0.5), std::tuple(4, 8, 0.1), std::tuple(12, 12, 0.02), std::tuple(48, 25, 0.0005)}) {
    add(Document(n_layers, n_heads, 0, 1), HeadInputs::kSplit);
    add(Document(n_layers, n_heads, edges, 2), HeadInputs::kSplit);
    CircuitDocument named = Document(n_layers, n_heads, edges, 3);
    named.model_name = kLongName;
    named.scores.reset();
    add(named, HeadInputs::kMerged);
  }
  for (const std::string& name : kHostile) {
    CircuitDocument named = Document(2, 2, 0, 4);
    named.model_name = name;
    named.task_json = nlohmann::json({{"task", "t\u00e4sk"}}).dump();
    add(named, HeadInputs::kSplit);
  }
  ExpectReadable(folder, names);
}

TEST_F(PicturesTest, OfComparisonsAreReadable) {
  const TempFolder folder;
  std::vector<std::string> names;
  for (const size_t count : {1, 3, 8}) {
    for (const double edges : {0.0, 0.1}) {
      std::vector<ComparedCircuit> circuits;
      for (size_t i = 0; i < count; ++i) {
        ComparedCircuit& circuit = circuits.emplace_back();
        circuit.document = Document(4, 8, edges, static_cast<uint32_t>(i));
        circuit.label = i % 2 ? kLongName : kHostile[i];
      }
      names.push_back(absl::StrCat("comparison-", names.size(), ".svg"));
      folder.Write(names.back(), ComparisonSvg(circuits));
    }
  }
  ExpectReadable(folder, names);
}

HeatMap Map(const std::vector<std::string>& rows, const std::vector<std::string>& columns, ColourScale scale,
            double size) {
  std::mt19937 random(5);
  std::normal_distribution<double> value(0, size);
  HeatMap map{.title = "a map",
              .row_axis = "layer",
              .column_axis = "head",
              .rows = rows,
              .columns = columns,
              .values = {},
              .scale = scale};
  for (size_t i = 0; i < rows.size() * columns.size(); ++i) map.values.push_back(value(random));
  return map;
}

std::vector<std::string> Labels(size_t count) {
  std::vector<std::string> labels;
  for (size_t i = 0; i < count; ++i) labels.push_back(absl::StrCat(i));
  return labels;
}

TEST_F(PicturesTest, OfHeatMapsAreReadable) {
  const TempFolder folder;
  std::vector<std::string> names;
  const auto add = [&](const HeatMap& map) {
    names.push_back(absl::StrCat("map-", names.size(), ".svg"));
    const absl::StatusOr<std::string> svg = client::HeatMapSvg({map, map});
    ASSERT_TRUE(svg.ok()) << svg.status();
    folder.Write(names.back(), *svg);
  };
  for (const double size : {1e-300, 1e-4, 1.0, 300.0, 1e5, 1e300}) {
    add(Map(Labels(4), Labels(8), ColourScale::kDiverging, size));
    add(Map(Labels(1), Labels(1), ColourScale::kSequential, size));
  }
  HeatMap hostile = Map(kHostile, kHostile, ColourScale::kDiverging, 1);
  hostile.words = std::vector<std::string>(kHostile.size() * kHostile.size(), kHostile[3]);
  for (size_t i = 0; i < kHostile.size(); ++i) hostile.words[i] = kHostile[i];
  hostile.title = kHostile[0];
  hostile.row_axis = kLongName;
  hostile.column_axis = kLongName;
  hostile.values[3] = std::numeric_limits<double>::quiet_NaN();
  add(hostile);
  HeatMap thin = Map(Labels(1), {kLongName}, ColourScale::kSequential, 1);
  thin.title = thin.row_axis = thin.column_axis = thin.outline_caption = kLongName;
  thin.outlined = {{0, 0}};
  add(thin);
  HeatMap nothing = Map(Labels(3), Labels(40), ColourScale::kSequential, 1);
  nothing.values.assign(nothing.values.size(), std::numeric_limits<double>::quiet_NaN());
  add(nothing);
  add(Map(Labels(48), Labels(48), ColourScale::kDiverging, 1));
  ExpectReadable(folder, names);
}

TEST_F(PicturesTest, OfAModelsResultsAreReadable) {
  const TempFolder folder;
  std::vector<std::string> names;
  const auto run = [&](const std::string& name, std::vector<std::string> arguments) {
    names.push_back(name + ".svg");
    arguments.insert(arguments.end(), {"-m", "demo", "--task", "numerals", "--num-samples", "1"});
    if (std::filesystem::path(name).has_parent_path()) {
      arguments.insert(arguments.end(), {"-o", folder.File(std::filesystem::path(name).parent_path())});
    } else {
      arguments.insert(arguments.end(), {"--svg", folder.File(names.back())});
    }
    const Finished finished = server_->Run(arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
  };
  run("attn", {"attn", "--head", "3.7", "--highlight", "late"});
  run("sweep", {"sweep", "--hook", "hook_resid_pre", "--hook", "attn.hook_z"});
  run("dla", {"dla"});
  run("lens", {"lens"});
  run("ov", {"ov"});
  run("path", {"path", "--receiver", "logits"});
  run("nodes/circuit", {"prune", "--one-iter"});
  run("edges/circuit", {"eap", "--greedy", "100"});
  names.push_back("diff/comparison.svg");
  const Finished diff = server_->Run({"diff", folder.File("nodes"), folder.File("edges"), "-o", folder.File("diff")});
  EXPECT_EQ(diff.exit_code, 0) << diff.err;
  ExpectReadable(folder, names);
}

}  // namespace
}  // namespace circuitd
