// Circuit files as other tools, people and adversaries write them.
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/graph/circuit_document.h"
#include "server/graph/edge_order.h"
#include "server/graph/node_names.h"
#include "tests/unit/graph/small_graphs.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const ModelConfig kModel = GraphConfig(2, 2);

absl::StatusOr<CircuitDocument> Parse(const std::string& text) { return ParseCircuit(text, &kModel); }

// The message of the error that the text must make.
std::string Error(const std::string& text, const ModelConfig* model = &kModel) {
  const absl::Status status = ParseCircuit(text, model).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 200);
  return std::string(status.message());
}

// circuit.json with these nodes and edges, as JSON.
std::string File(const std::string& nodes, const std::string& edges, const std::string& more = "") {
  return absl::StrCat(R"({"schema": "circuitd.circuit/1", "model": {"dims": {"n_layers": 2, "n_heads": 2}}, "nodes": )",
                      nodes, R"(, "edges": )", edges, more, "}");
}

constexpr char kNodes[] = R"([{"name": "A0.1"}, {"name": "M1", "kind": "mlp", "layer": 1}])";

std::string Edges(const std::string& edges) { return File(kNodes, absl::StrCat("[", edges, "]")); }

std::string Eap(const std::string& nodes, const std::string& edges, const std::string& cfg = "") {
  return absl::StrCat(R"({"cfg": {"n_layers": 2, "n_heads": 2, "d_model": 32)", cfg, R"(}, "nodes": {)", nodes,
                      R"(}, "edges": {)", edges, "}}");
}

TEST(ParseCircuitTest, TakesKeysInAnyOrderAndThoseThatItDoesNotKnow) {
  const auto document = Parse(R"({"edges": [{"receiver": "logits", "note": [1, {"a": null}], "sender": "M1"}],
      "later": {"key": [1.5]}, "nodes": [{"name": "M1", "note": 1}], "heads": "none",
      "model": {"dims": {"n_heads": 2, "n_layers": 2}, "more": 1}, "schema": "circuitd.circuit/1"})");
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_THAT(Names(*document->circuit.edges), ElementsAre("M1->logits"));
  EXPECT_EQ(document->circuit.nodes, NodeSet{Node::Mlp(1)});
  EXPECT_EQ(document->results_json, R"({"later":{"key":[1.5]},"heads":"none"})");
  EXPECT_FALSE(document->scores.has_value());
  EXPECT_EQ(document->config.d_model, kModel.d_model);
}

TEST(ParseCircuitTest, KnowsScoresWhereAllEdgesHaveThem) {
  const std::string scored = R"({"sender": "M1", "receiver": "logits", "score": 3},
                                {"sender": "A0.1", "receiver": "M1", "score": -2})";
  const auto document = Parse(File(kNodes, absl::StrCat("[", scored, "]"),
                                   R"(, "other_edges": [{"sender": "embed", "receiver": "M0", "score": 0.5}])"));
  ASSERT_TRUE(document.ok()) << document.status();
  ASSERT_TRUE(document->scores.has_value());
  EXPECT_EQ(document->scores->At(ReceiverRank(kModel, Node::Mlp(1)), SenderRank(kModel, Node::Head(0, 1))), -2);
  EXPECT_EQ(document->scores->At(ReceiverRank(kModel, Node::Mlp(0)), SenderRank(kModel, Node::Embed())), 0.5);
  // The file leaves out what is 0.
  EXPECT_EQ(document->scores->At(ReceiverRank(kModel, Node::Logits()), SenderRank(kModel, Node::Mlp(0))), 0);

  // Nothing is known of those outside, or of one in the circuit.
  EXPECT_FALSE(Parse(Edges(scored))->scores.has_value());
  const auto partly = Parse(
      File(kNodes, R"([{"sender": "M1", "receiver": "logits"}, {"sender": "A0.1", "receiver": "M1", "score": -2}])",
           R"(, "other_edges": [])"));
  ASSERT_TRUE(partly.ok()) << partly.status();
  EXPECT_FALSE(partly->scores.has_value());
}

TEST(ParseCircuitTest, RefusesTextThatIsNoJson) {
  EXPECT_THAT(Error(""), StartsWith("is not JSON"));
  EXPECT_THAT(Error("circuit"), HasSubstr("\"circuit\" at byte 1"));
  EXPECT_THAT(Error("{"), HasSubstr("at byte 2"));
  EXPECT_THAT(Error(CircuitJson(NodeDocument()) + "x"), HasSubstr("\"x\" at byte"));
  EXPECT_THAT(Error(std::string("{}\0", 3)), HasSubstr("\\x00"));
  EXPECT_THAT(Error("{\"schema\": \"\xff\"}"), StartsWith("schema: is not JSON"));
  EXPECT_THAT(Error("[1]"), HasSubstr("JSON object"));
  EXPECT_THAT(Error("3"), HasSubstr("JSON object"));
}

TEST(ParseCircuitTest, RefusesNumbersThatAreNotFinite) {
  const auto with_score = [](const std::string& score) {
    return Error(Edges(absl::StrCat(R"({"sender": "M1", "receiver": "logits"},
                                       {"sender": "A0.1", "receiver": "M1", "score": )",
                                    score, "}")));
  };
  EXPECT_THAT(with_score("NaN"), StartsWith("edges[1].score: is not JSON: \"NaN\" at byte "));
  EXPECT_THAT(with_score("Infinity"), StartsWith("edges[1].score: is not JSON: \"Infinity\""));
  EXPECT_THAT(with_score("-Infinity"), StartsWith("edges[1].score: is not JSON: \"-Infinity\""));
  EXPECT_THAT(with_score("1e999"), StartsWith("edges[1].score: has a number that is out of range, \"1e999\""));
  EXPECT_THAT(with_score("-" + std::string(400, '9')), StartsWith("edges[1].score: has a number that is out of range"));
  EXPECT_EQ(with_score("null"), "edges[1].score: null, must be a number");
  EXPECT_EQ(with_score("\"1\""), "edges[1].score: \"1\", must be a number");
  EXPECT_THAT(Error(Eap("", R"("m0->m1": {"score": NaN, "in_graph": true})")),
              StartsWith("edges[\"m0->m1\"].score: is not JSON: \"NaN\""));
}

TEST(ParseCircuitTest, RefusesFilesThatAreTooMuch) {
  EXPECT_THAT(Error(std::string(kMaxCircuitFileBytes + 1, ' ')), StartsWith("67108865 bytes"));
  EXPECT_THAT(Error(File(kNodes, "[]", ", \"x\": " + std::string(100'000, '['))), HasSubstr("x: nests deeper than 16"));
  std::string deep = "{\"x\": ";
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  EXPECT_THAT(Error(deep), HasSubstr("nests deeper"));
  std::string keys = "{", values = "[";
  for (int i = 0; i < 1000; ++i) absl::StrAppend(&keys, "\"", i, "\":0,");
  EXPECT_THAT(Error(File(kNodes, "[]", ", \"x\": " + keys)), HasSubstr("x.256: has over 256 keys"));
  EXPECT_THAT(Error(keys), HasSubstr("256 keys"));
  for (int i = 0; i < (1 << 20) + 1; ++i) values += "0,";
  EXPECT_THAT(Error(File(kNodes, "[]", ", \"x\": " + values)), HasSubstr("x: has over 1048576 values"));
  EXPECT_THAT(Error(File(kNodes, "[{\"x\": " + values)), HasSubstr("edges[0]: has over 1048576 values"));
}

TEST(ParseCircuitTest, RefusesOtherSchemas) {
  for (const char* schema : {"\"circuitd.circuit/2\"", "\"circuitd.circuit/1 \"", "1", "null", "{}"}) {
    const std::string text = absl::StrCat("{\"edges\": 5, \"nodes\": [7], \"schema\": ", schema, "}");
    EXPECT_THAT(Error(text), StartsWith("schema: ")) << schema;
    EXPECT_THAT(Error(text), HasSubstr("must be \"circuitd.circuit/1\""));
  }
  EXPECT_THAT(Error("{}"), StartsWith("is no circuit"));
  EXPECT_THAT(Error(R"({"nodes": []})"), StartsWith("is no circuit"));
}

TEST(ParseCircuitTest, RefusesKeysThatAreThereTwice) {
  EXPECT_EQ(Error(R"({"schema": "circuitd.circuit/1", "schema": 2})"), "schema: the key \"schema\" is there twice");
  EXPECT_EQ(Error(Edges(R"({"sender": "M1", "sender": "A0.1"})")),
            "edges[0].sender: the key \"sender\" is there twice");
}

TEST(ParseCircuitTest, RefusesEdgesThatTheGraphDoesNotHave) {
  const auto error = [](const std::string& sender, const std::string& receiver) {
    return Error(Edges(absl::StrCat(R"({"sender": )", sender, R"(, "receiver": )", receiver, "}")));
  };
  EXPECT_EQ(error(R"("M1")", R"("A0.1.q")"), "edges[0].sender: M1, is not below the receiver, A0.1.q");
  EXPECT_EQ(error(R"("M1")", R"("M1")"), "edges[0].sender: M1, is not below the receiver, M1");
  EXPECT_EQ(error(R"("A2.0")", R"("logits")"), "edges[0].sender.layer: 2, model has 2 (0-1)");
  EXPECT_EQ(error(R"("A0.2")", R"("logits")"), "edges[0].sender.head: 2, model has 2 (0-1)");
  EXPECT_THAT(error(R"("embed")", R"("A0.1")"), StartsWith("edges[0].receiver.input: none"));
  EXPECT_THAT(error(R"("logits")", R"("M1")"), StartsWith("edges[0].sender.kind"));
  EXPECT_THAT(error(R"("embed")", R"("embed")"), StartsWith("edges[0].receiver.kind"));
  EXPECT_THAT(error(R"("X9")", R"("M1")"), StartsWith("edges[0].sender: \"X9\", must be a node as "));
  EXPECT_THAT(error("5", R"("M1")"), StartsWith("edges[0].sender: 5, must be"));
  EXPECT_THAT(error(R"("embed")", "[]"), StartsWith("edges[0].receiver: an array, must be"));
  EXPECT_EQ(error(R"("A0.0")", R"("M1")"), "edges[0].sender: A0.0, is not among the nodes");
  EXPECT_EQ(error(R"("embed")", R"("A1.0.k")"), "edges[0].receiver: A1.0, is not among the nodes");
}

TEST(ParseCircuitTest, RefusesDuplicates) {
  const std::string edge = R"({"sender": "A0.1", "receiver": "M1"})";
  EXPECT_EQ(Error(Edges(edge + "," + edge)), "edges[1]: A0.1->M1, is there twice");
  EXPECT_EQ(Error(File(kNodes, "[" + edge + "]", R"(, "other_edges": [)" + edge + "]")),
            "other_edges[0]: A0.1->M1, is there twice");
  EXPECT_EQ(Error(File(R"([{"name": "M0"}, {"name": "M1"}, {"name": "M0"}])", "[]")), "nodes[2]: M0, is there twice");
  EXPECT_THAT(Error(Eap("", R"("m0->m1": true, "m0->m1": true)")),
              StartsWith("edges[\"m0->m1\"]: M0->M1, is there twice"));
  EXPECT_EQ(Error(Eap(R"("m0": true, "m0": false)", "")), "nodes[\"m0\"]: is there twice");
  EXPECT_EQ(Error(R"({"heads": [[0, 1], [0, 1]], "mlps": []})"), "heads[1]: A0.1, is there twice");
  EXPECT_EQ(Error(R"({"heads": [], "mlps": [1, 0, 1]})"), "mlps[2]: M1, is there twice");
}

TEST(ParseCircuitTest, RefusesNodesOfOtherTypesAndModels) {
  const auto error = [](const std::string& node) { return Error(File("[" + node + "]", "[]")); };
  EXPECT_THAT(error("3"), StartsWith("nodes[0]: 3, must be an object"));
  EXPECT_EQ(error("{}"), "nodes[0].name: is missing");
  EXPECT_THAT(error(R"({"name": "embed"})"), StartsWith("nodes[0].name: \"embed\", must be a head or MLP"));
  EXPECT_THAT(error(R"({"name": "A0.0.q"})"), StartsWith("nodes[0].name"));
  EXPECT_EQ(error(R"({"name": "M2"})"), "nodes[0].layer: 2, model has 2 (0-1)");
  EXPECT_EQ(error(R"({"name": "M1", "layer": 0})"), "nodes[0].layer: 0, must be 1 as the name has it");
  EXPECT_EQ(error(R"({"name": "M1", "kind": "attention_head"})"),
            "nodes[0].kind: \"attention_head\", must be \"mlp\" as the name has it");
  EXPECT_EQ(error(R"({"name": "M1", "head": 0})"), "nodes[0].head: 0, must be missing as the name has it");
  EXPECT_EQ(Error(File("5", "[]")), "nodes: 5, must be an array");
  EXPECT_EQ(Error(File("{}", "[]")), "nodes: an object, must be an array");
  EXPECT_EQ(Error(File("[]", "null")), "edges: null, must be an array");
  EXPECT_EQ(Error(File("[]", "[]", R"(, "other_edges": {"a": 1})")), "other_edges: an object, must be an array");
  EXPECT_EQ(Error(File("[]", "[]", R"(, "task": 5)")), "task: 5, must be an object");
  EXPECT_EQ(Error(File("[]", "[]", R"(, "provenance": {"device": 5})")), "provenance.device: 5, must be a string");
}

TEST(ParseCircuitTest, RefusesOtherDimensionsThanTheModels) {
  const std::string text = CircuitJson(NodeDocument());
  ModelConfig other = kModel;
  other.n_layers = 3;
  EXPECT_EQ(Error(text, &other), "model.dims.n_layers: 2, the model has 3");
  other = kModel;
  other.d_vocab = 7;
  EXPECT_EQ(Error(text, &other), "model.dims.d_vocab: 1000, the model has 7");
  EXPECT_EQ(Error(Eap("", "").replace(Eap("", "").find("32"), 2, "64")), "cfg.d_model: 64, the model has 32");
}

TEST(ParseCircuitTest, RefusesDimensionsThatNoModelHas) {
  const auto error = [](const std::string& layers) {
    return Error(absl::StrReplaceAll(File("[]", "[]"), {{"\"n_layers\": 2", "\"n_layers\": " + layers}}), nullptr);
  };
  for (const char* layers : {"0", "-1", "2.0", "\"2\"", "1e3", "99999999999999999999", "16777217"}) {
    EXPECT_THAT(error(layers), StartsWith("model.dims.n_layers: ")) << layers;
  }
  EXPECT_EQ(error("1000"), "model.dims: 1000 layers of 2 heads and an MLP, must be 2048 nodes at most");
  EXPECT_EQ(error("2, \"x\": 0}, \"y\": {\"z\": 1"), "model.dims.n_heads: is missing");
  EXPECT_THAT(Error(R"({"schema": "circuitd.circuit/1", "nodes": []})", nullptr), StartsWith("model.dims"));
}

TEST(ParseEapTest, TakesFlagsAsBooleansOrObjects) {
  const auto document =
      Parse(Eap(R"("input": true, "m0": {"in_graph": false, "score": 3}, "a1.h1": true, "logits": {"in_graph": true})",
                R"("input->m0": {"in_graph": true}, "m0->logits": true, "input->m1": {"in_graph": false})"));
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_THAT(Names(*document->circuit.edges), ElementsAre("embed->M0", "M0->logits"));
  // What an edge joins is in the circuit whatever its flag.
  EXPECT_EQ(document->circuit.nodes, (NodeSet{Node::Mlp(0), Node::Head(1, 1)}));
  EXPECT_FALSE(document->scores.has_value());
}

TEST(ParseEapTest, KnowsScoresWhereAllEdgesHaveThem) {
  const std::vector<Edge> edges = EdgeSet::All(kModel).Edges();
  // Scores of the first `count` edges, of which every third is in the graph.
  const auto parse = [&](size_t count, const std::function<double(size_t)>& score) {
    std::string lines;
    for (size_t i = 0; i < edges.size(); ++i) {
      absl::StrAppend(&lines, i > 0 ? ", " : "", "\"", EapEdgeName(edges[i]),
                      "\": {\"in_graph\": ", i % 3 == 0 ? "true" : "false");
      absl::StrAppend(&lines, i < count ? absl::StrCat(", \"score\": ", score(i)) : "", "}");
    }
    return Parse(Eap("", lines)).value();
  };
  const auto falling = [](size_t i) { return 2.5 - static_cast<double>(i); };
  ASSERT_TRUE(parse(edges.size(), falling).scores.has_value());
  EXPECT_EQ(parse(edges.size(), falling).scores->At(0, 0), 2.5);
  EXPECT_FALSE(parse(edges.size() - 1, falling).scores.has_value());
  EXPECT_FALSE(parse(1, falling).scores.has_value());
  // What is written where edges have no scores.
  EXPECT_FALSE(parse(edges.size(), [](size_t i) { return i % 3 == 0 ? 1 : 0; }).scores.has_value());
  EXPECT_FALSE(Parse(Eap("", R"("m0->m1": {"score": 1.5, "in_graph": true})"))->scores.has_value());
}

TEST(ParseEapTest, TakesTheModelsDimensionsWhereTheFileHasNone) {
  EXPECT_TRUE(Parse(R"({"nodes": {"m1": true}, "edges": {"m0->m1": true}})").ok());
  EXPECT_EQ(Error(R"({"nodes": {}, "edges": {}})", nullptr), "cfg.n_layers: is missing");
  EXPECT_EQ(Error(R"({"cfg": {"n_layers": 2}, "nodes": {}, "edges": {}})", nullptr), "cfg.n_heads: is missing");
}

TEST(ParseEapTest, RefusesParallelAttentionAndPartsOfNodes) {
  EXPECT_EQ(Error(Eap("", "", R"(, "parallel_attn_mlp": true)")), "cfg.parallel_attn_mlp: true, must be false");
  const std::string parts = R"("m0": {"in_graph": true, "neurons": [true, false]})";
  EXPECT_THAT(Error(Eap(parts, "")), StartsWith("nodes[\"m0\"].neurons[1]: false, must be true"));
  EXPECT_TRUE(Parse(Eap(R"("m0": {"in_graph": true, "neurons": [true, true]})", "")).ok());
  EXPECT_TRUE(Parse(Eap(R"("m0": {"in_graph": false, "neurons": [false]})", "")).ok());
  EXPECT_THAT(Error(R"({"cfg": {}, "nodes": {"m1": true}, "edges": {}, "neurons": {"m1": [false]}})"),
              StartsWith("neurons[\"m1\"][0]: false"));
  EXPECT_EQ(Error(Eap(R"("m0": {"in_graph": true, "neurons": [1]})", "")),
            "nodes[\"m0\"].neurons[0]: 1, must be a boolean");
}

TEST(ParseEapTest, RefusesUnknownNodesAndEdges) {
  EXPECT_THAT(Error(Eap(R"("a9": true)", "")), StartsWith("nodes[\"a9\"]: is no node"));
  EXPECT_EQ(Error(Eap(R"("a9.h0": true)", "")), "nodes[\"a9.h0\"].layer: 9, model has 2 (0-1)");
  EXPECT_THAT(Error(Eap("", R"("m0": true)")), StartsWith("edges[\"m0\"]: is no edge"));
  EXPECT_THAT(Error(Eap("", R"("input->a0.h0": true)")), StartsWith("edges[\"input->a0.h0\"].receiver.input: none"));
  EXPECT_EQ(Error(Eap("", R"("m1->m0": true)")), "edges[\"m1->m0\"].sender: M1, is not below the receiver, M0");
  EXPECT_EQ(Error(Eap("", R"("m0->m1": 1)")), "edges[\"m0->m1\"]: 1, must be a boolean or an object");
  EXPECT_EQ(Error(Eap("", R"("m0->m1": {"score": 1})")), "edges[\"m0->m1\"].in_graph: is missing");
  EXPECT_EQ(Error(Eap("", R"("m0->m1": {"in_graph": 1})")), "edges[\"m0->m1\"].in_graph: 1, must be a boolean");
  EXPECT_EQ(Error(R"({"cfg": {}, "nodes": {}, "edges": []})"), "edges: an array, must be an object");
}

TEST(ParseSeqcontTest, RefusesWhatIsNoCircuitOfTheModel) {
  EXPECT_THAT(Error(R"({"heads": [[0, 1]], "mlps": []})", nullptr), HasSubstr("the model must be given"));
  EXPECT_EQ(Error(R"({"heads": [[0, 2]], "mlps": []})"), "heads[0].head: 2, model has 2 (0-1)");
  EXPECT_EQ(Error(R"({"heads": [[0, 1], [0]], "mlps": []})"), "heads[1]: [0], must be [layer, head]");
  EXPECT_EQ(Error(R"({"heads": [[0, -1]], "mlps": []})"), "heads[0]: [0,-1], must be [layer, head]");
  EXPECT_EQ(Error(R"({"heads": [], "mlps": [1.5]})"), "mlps[0]: 1.5, must be a layer");
  EXPECT_EQ(Error(R"({"heads": [], "mlps": [4294967297]})"), "mlps[0]: 4294967297, must be a layer");
  EXPECT_EQ(Error(R"({"heads": []})"), "mlps: is missing");
}

}  // namespace
}  // namespace circuitd
