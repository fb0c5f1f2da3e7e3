#include "server/graph/circuit_document.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;

CircuitDocument Parsed(const std::string& text, const ModelConfig* model = nullptr) {
  absl::StatusOr<CircuitDocument> document = ParseCircuit(text, model);
  EXPECT_TRUE(document.ok()) << document.status();
  return document.ok() ? *std::move(document) : CircuitDocument();
}

TEST(CircuitJsonTest, HoldsEverythingANodeCircuitWasMadeOf) {
  EXPECT_EQ(Json::parse(CircuitJson(NodeDocument())).dump(), Json::parse(R"({
    "schema": "circuitd.circuit/1",
    "model": {"name": "tiny", "sha256": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
              "dims": {"n_layers": 2, "n_heads": 2, "d_model": 32, "d_head": 16, "d_mlp": 128, "n_ctx": 64,
                       "d_vocab": 1000}},
    "task": {"task": {"task": "numerals", "seed": "7"}, "num_samples": 32},
    "parameters": {"method": "node_pruning", "means": "seqcont", "threshold": 12.5, "max_iterations": 3,
                   "prompt_count": 96, "memory_budget_bytes": 1048576},
    "nodes": [{"name": "A0.0", "kind": "attention_head", "layer": 0, "head": 0},
              {"name": "A0.1", "kind": "attention_head", "layer": 0, "head": 1},
              {"name": "A1.0", "kind": "attention_head", "layer": 1, "head": 0},
              {"name": "M1", "kind": "mlp", "layer": 1}],
    "score": 88.25,
    "full_logit_diff": 7.5,
    "decision_count": 2,
    "converged": true,
    "provenance": {"server_version": "0.1.0", "device": "cpu", "dtype": "float32", "created": "2024-05-06T07:08:09Z"}
  })")
                                                                 .dump());
}

TEST(CircuitJsonTest, IsIndentedByTwo) {
  const std::string text = CircuitJson(NodeDocument());
  EXPECT_EQ(text, Json::parse(text).dump(2) + "\n");
}

TEST(CircuitJsonTest, ListsTheEdgesAndTheScoresOfThoseOutside) {
  const Json circuit = Json::parse(CircuitJson(EdgeDocument()));
  EXPECT_EQ(circuit["edges"].dump(), Json::parse(R"([
    {"sender": "embed", "receiver": "A0.1.v", "score": -0.2},
    {"sender": "A0.1", "receiver": "A1.0.q", "score": 0.4},
    {"sender": "A0.1", "receiver": "M1", "score": -0.8},
    {"sender": "A1.0", "receiver": "M1", "score": 1.6},
    {"sender": "M1", "receiver": "logits", "score": -3.2}])")
                                         .dump());
  EXPECT_EQ(circuit["other_edges"].dump(), Json::parse(R"([
    {"sender": "embed", "receiver": "logits", "score": -3e-9},
    {"sender": "M0", "receiver": "logits", "score": 0.012345678901234568}])")
                                               .dump());
  EXPECT_EQ(circuit["parameters"]["method"], "eap_ig_inputs");
}

TEST(CircuitJsonTest, HasNoScoresWhereNoneAreKnown) {
  CircuitDocument document = EdgeDocument();
  document.scores.reset();
  const Json circuit = Json::parse(CircuitJson(document));
  EXPECT_EQ(circuit["edges"][0].dump(), R"({"sender":"embed","receiver":"A0.1.v"})");
  EXPECT_FALSE(circuit.contains("other_edges"));
  document.circuit.edges = EdgeSet(document.config);
  EXPECT_EQ(Json::parse(CircuitJson(document))["edges"].dump(), "[]");
}

TEST(CircuitJsonTest, HasTheCircuitsScoresAloneWhereAModelHasTooManyEdges) {
  CircuitDocument document;
  document.config = GraphConfig(36, 20);  // as GPT-2 large
  ASSERT_GT(EdgeCount(document.config), kMaxScoredEdges);
  const Edge edge{Node::Embed(), Node::Logits()};
  document.circuit.edges.emplace(document.config);
  document.circuit.edges->Set(edge, true);
  document.scores.emplace(document.config);
  document.scores->Set(ReceiverRank(document.config, edge.receiver), 0, 0.5);
  document.scores->Set(0, 0, 0.25);
  const Json circuit = Json::parse(CircuitJson(document));
  EXPECT_EQ(circuit["edges"].dump(), R"([{"sender":"embed","receiver":"logits","score":0.5}])");
  EXPECT_FALSE(circuit.contains("other_edges"));
}

TEST(CircuitJsonTest, StaysValidWithHostileTexts) {
  CircuitDocument document = EdgeDocument();
  document.model_name = "a\"b\\c\n\xff";
  document.task_json = "{not json";
  document.parameters_json = "[]";
  document.results_json = R"({"nodes": 3, "schema": "x", "score": 1})";
  document.scores->Set(0, 0, std::numeric_limits<double>::quiet_NaN());
  const Json circuit = Json::parse(CircuitJson(document));
  EXPECT_EQ(circuit["model"]["name"], "a\"b\\c\n\xEF\xBF\xBD");
  EXPECT_TRUE(circuit["task"].is_null());
  EXPECT_TRUE(circuit["parameters"].is_null());
  EXPECT_EQ(circuit["schema"], "circuitd.circuit/1");
  EXPECT_EQ(circuit["nodes"].size(), 3u);
  EXPECT_EQ(circuit["score"], 1);
  EXPECT_TRUE(circuit["other_edges"][0]["score"].is_null());
}

TEST(CircuitJsonTest, ReadsBackAsItWas) {
  for (const CircuitDocument& document : {NodeDocument(), EdgeDocument()}) {
    const std::string text = CircuitJson(document);
    const CircuitDocument parsed = Parsed(text);
    EXPECT_EQ(parsed.circuit.nodes, document.circuit.nodes);
    EXPECT_EQ(parsed.circuit.edges, document.circuit.edges);
    ASSERT_EQ(parsed.scores.has_value(), document.scores.has_value());
    if (document.scores) {
      EXPECT_EQ(parsed.scores->values(), document.scores->values());
    }
    EXPECT_EQ(parsed.task_json, document.task_json);
    EXPECT_EQ(parsed.parameters_json, document.parameters_json);
    EXPECT_EQ(parsed.results_json, document.results_json);
    EXPECT_EQ(parsed.config.d_vocab, 1000);
    EXPECT_EQ(CircuitJson(parsed), text);
  }
}

TEST(CircuitJsonTest, ReadsBackRandomCircuits) {
  std::mt19937 random(3);
  std::normal_distribution<double> normal;
  for (const ModelConfig& config : {GraphConfig(1, 1), GraphConfig(3, 4)}) {
    for (const double probability : {0.0, 0.2, 1.0}) {
      CircuitDocument document;
      document.config = config;
      document.circuit.edges = RandomEdges(config, probability, random);
      document.circuit.nodes = document.circuit.edges->Nodes();
      document.scores.emplace(config);
      for (const Edge& edge : EdgeSet::All(config).Edges()) {
        document.scores->Set(ReceiverRank(config, edge.receiver), SenderRank(config, edge.sender), normal(random));
      }
      for (const std::string& text : {CircuitJson(document), EapJson(document)}) {
        const CircuitDocument parsed = Parsed(text, &config);
        EXPECT_EQ(parsed.circuit.nodes, document.circuit.nodes);
        EXPECT_EQ(parsed.circuit.edges, document.circuit.edges);
        ASSERT_TRUE(parsed.scores.has_value());
        EXPECT_EQ(parsed.scores->values(), document.scores->values());
      }
    }
  }
}

TEST(EapJsonTest, ListsAllNodesAndEdgesOfTheModel) {
  const Json eap = Json::parse(EapJson(EdgeDocument()));
  EXPECT_EQ(eap["cfg"].dump(), R"({"n_layers":2,"n_heads":2,"parallel_attn_mlp":false,"d_model":32})");
  std::vector<std::string> nodes;
  for (const auto& [name, node] : eap["nodes"].items()) {
    nodes.push_back(name + (node["in_graph"].get<bool>() ? "+" : "-"));
  }
  EXPECT_THAT(nodes, ElementsAre("input+", "a0.h0-", "a0.h1+", "m0-", "a1.h0+", "a1.h1-", "m1+", "logits+"));
  EXPECT_EQ(eap["edges"].size(), static_cast<size_t>(EdgeCount(GraphConfig(2, 2))));
  EXPECT_EQ(eap["edges"]["a0.h1->a1.h0<q>"].dump(), R"({"score":0.4,"in_graph":true})");
  EXPECT_EQ(eap["edges"]["a0.h1->a1.h0<k>"].dump(), R"({"score":0.0,"in_graph":false})");
  EXPECT_EQ(eap["edges"]["input->logits"].dump(), R"({"score":-3e-09,"in_graph":false})");
}

TEST(EapJsonTest, HasAllEdgesBetweenTheNodesOfANodeCircuit) {
  const CircuitDocument document = NodeDocument();
  const CircuitDocument parsed = Parsed(EapJson(document));
  EXPECT_EQ(parsed.circuit.nodes, document.circuit.nodes);
  ASSERT_TRUE(parsed.circuit.edges.has_value());
  EXPECT_EQ(Names(*parsed.circuit.edges), Names(EdgeSet::Among(document.config, document.circuit.nodes)));
  EXPECT_EQ(Json::parse(EapJson(document))["edges"]["a0.h0->m1"].dump(), R"({"score":1.0,"in_graph":true})");
}

TEST(EapJsonTest, ReadsBackWhereOnlyLayersAndHeadsAreKnown) {
  CircuitDocument document = EdgeDocument();
  document.config = ModelConfig();
  document.config.n_layers = document.config.n_heads = 2;
  for (const std::string& text : {EapJson(document), CircuitJson(document)}) {
    const CircuitDocument parsed = Parsed(text);
    EXPECT_EQ(parsed.circuit.edges, document.circuit.edges);
    EXPECT_EQ(parsed.config.d_model, 0);
  }
}

TEST(SeqcontJsonTest, HasThePublishedLayout) {
  EXPECT_EQ(SeqcontJson(NodeDocument().circuit.nodes), "{\"heads\":[[0,0],[0,1],[1,0]],\"mlps\":[1]}\n");
  EXPECT_EQ(SeqcontJson({}), "{\"heads\":[],\"mlps\":[]}\n");
}

TEST(SeqcontJsonTest, ReadsBackForItsModel) {
  const CircuitDocument document = NodeDocument();
  const CircuitDocument parsed = Parsed(SeqcontJson(document.circuit.nodes), &document.config);
  EXPECT_EQ(parsed.circuit.nodes, document.circuit.nodes);
  EXPECT_FALSE(parsed.circuit.edges.has_value());
  EXPECT_EQ(parsed.config.d_model, 32);
}

TEST(CircuitFormatTest, ShowsInTheKeys) {
  EXPECT_EQ(*CircuitFormatOf(CircuitJson(NodeDocument())), CircuitFormat::kCircuitJson);
  EXPECT_EQ(*CircuitFormatOf(EapJson(EdgeDocument())), CircuitFormat::kEapJson);
  EXPECT_EQ(*CircuitFormatOf(SeqcontJson({})), CircuitFormat::kSeqcontJson);
  EXPECT_EQ(*CircuitFormatOf(R"({"cfg": {}, "nodes": 3})"), CircuitFormat::kEapJson);
  EXPECT_THAT(CircuitFormatOf("{}").status().ToString(), HasSubstr("is no circuit"));
  EXPECT_THAT(CircuitFormatOf("[]").status().ToString(), HasSubstr("JSON object"));
}

}  // namespace
}  // namespace circuitd
