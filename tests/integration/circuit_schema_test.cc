// docs/circuit.schema.json against what is written, and against what is refused.
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/graph/circuit_document.h"
#include "tests/integration/python.h"
#include "tests/integration/server_process.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

using nlohmann::json;
using testing::Each;
using testing::ElementsAre;
using testing::StartsWith;

// What the validator says of each text.
std::vector<std::string> Validate(const std::vector<std::string>& texts) {
  const TempFolder folder;
  std::vector<std::string> arguments = {absl::StrCat(CIRCUITD_SOURCE_DIR, "/tests/integration/validate_json.py"),
                                        absl::StrCat(CIRCUITD_SOURCE_DIR, "/docs/circuit.schema.json")};
  for (size_t i = 0; i < texts.size(); ++i) {
    arguments.push_back(absl::StrCat(folder.path(), "/", i, ".json"));
    std::ofstream(arguments.back()) << texts[i];
  }
  const Finished finished = RunPython(folder.path(), arguments);
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  return absl::StrSplit(finished.out, '\n', absl::SkipEmpty());
}

// An edge circuit's file with `value` in the place of what is at `pointer`.
std::string With(const std::string& pointer, const json& value) {
  json circuit = json::parse(CircuitJson(EdgeDocument()));
  circuit[json::json_pointer(pointer)] = value;
  return circuit.dump();
}

std::string Without(const std::string& key) {
  json circuit = json::parse(CircuitJson(EdgeDocument()));
  circuit.erase(key);
  return circuit.dump();
}

TEST(CircuitSchemaTest, AllowsNodeAndEdgeCircuits) {
  CircuitDocument unscored = EdgeDocument(), bare;
  unscored.scores.reset();
  bare.config.n_layers = bare.config.n_heads = 1;
  CircuitDocument whole = bare;
  whole.config = GraphConfig(4, 8);
  whole.circuit.nodes = AllNodes(whole.config);
  whole.circuit.edges = EdgeSet::All(whole.config);
  const std::vector<std::string> said =
      Validate({CircuitJson(NodeDocument()), CircuitJson(EdgeDocument()), CircuitJson(unscored), CircuitJson(bare),
                CircuitJson(whole), With("/later", json::array({1})), With("/edges/0/note", "x")});
  EXPECT_EQ(said.size(), 7u);
  EXPECT_THAT(said, Each(std::string("valid")));
}

TEST(CircuitSchemaTest, RefusesWhatTheReaderRefuses) {
  const std::vector<std::string> broken = {Without("schema"),
                                           With("/schema", "circuitd.circuit/2"),
                                           Without("nodes"),
                                           With("/nodes", json::object()),
                                           With("/nodes/0/name", "embed"),
                                           With("/nodes/0/layer", -1),
                                           With("/edges", nullptr),
                                           With("/edges/0/sender", "logits"),
                                           With("/edges/1/receiver", "A1.0"),
                                           With("/edges/1/receiver", "A01.0.q"),
                                           With("/edges/0/score", "0.5"),
                                           Without("edges"),
                                           With("/model/dims/n_layers", 0),
                                           With("/model/dims", nullptr),
                                           With("/task", 5),
                                           With("/provenance/device", 5)};
  const std::vector<std::string> said = Validate(broken);
  ASSERT_EQ(said.size(), broken.size());
  EXPECT_THAT(said, Each(StartsWith("$")));
  for (const std::string& text : broken) EXPECT_FALSE(ParseCircuit(text, nullptr).ok()) << text;
}

class PrunedCircuitSchemaTest : public SharedServerTest {};

TEST_F(PrunedCircuitSchemaTest, AllowsWhatAServerWrites) {
  const TempFolder folder;
  const Finished finished = server_->Run(
      {"prune", "--model", "demo", "--task", "numerals", "--num-samples", "1", "--one-iter", "-o", folder.path()});
  ASSERT_EQ(finished.exit_code, 0) << finished.err;
  const std::string text = folder.Read("circuit.json");
  EXPECT_THAT(Validate({text}), ElementsAre("valid"));
  const absl::StatusOr<CircuitDocument> document = ParseCircuit(text, nullptr);
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(CircuitJson(*document), text);
  EXPECT_EQ(SeqcontJson(document->circuit.nodes), folder.Read("seqcont.json"));
}

}  // namespace
}  // namespace circuitd
