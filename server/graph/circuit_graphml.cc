// circuit.graphml, for Gephi, Cytoscape, networkx and the like.
#include <string>

#include "absl/strings/str_cat.h"
#include "server/graph/circuit_exports.h"
#include "server/graph/compare.h"
#include "server/graph/document_text.h"
#include "server/graph/drawn_edges.h"
#include "server/graph/edge_order.h"
#include "server/graph/json_text.h"
#include "server/graph/svg_parts.h"

namespace circuitd {
namespace {

void AddData(absl::string_view key, absl::string_view value, std::string& xml) {
  absl::StrAppend(&xml, "<data key=\"", key, "\">", XmlText(value), "</data>");
}

std::string NodeXml(const Node& node) {
  std::string xml = absl::StrCat("    <node id=\"", NodeName(node), "\">");
  constexpr const char* kKinds[] = {"attention_head", "mlp", "embed", "logits"};
  AddData("kind", kKinds[static_cast<int>(node.kind)], xml);
  if (node.is_head() || node.is_mlp()) AddData("layer", absl::StrCat(node.layer), xml);
  if (node.is_head()) AddData("head", absl::StrCat(node.head), xml);
  return xml + "</node>\n";
}

std::string EdgeXml(const DrawnEdge& edge, bool scored) {
  const Node& receiver = edge.edge.receiver;
  constexpr const char* kInputs[] = {"", "q", "k", "v"};
  const std::string input = kInputs[static_cast<int>(receiver.input)];
  std::string xml = absl::StrCat("    <edge source=\"", NodeName(edge.edge.sender), "\" target=\"",
                                 NodeName(NodeOfReceiver(receiver)), "\">");
  if (!input.empty()) AddData("input", input, xml);
  if (scored) AddData("score", JsonText(edge.score, -1), xml);
  return xml + "</edge>\n";
}

}  // namespace

std::string CircuitGraphMl(const CircuitDocument& document, HeadInputs inputs) {
  const Circuit& circuit = document.circuit;
  const EdgeSet edges = EdgesOf(document.config, circuit);
  std::string xml = absl::StrCat(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<graphml xmlns=\"http://graphml.graphdrawing.org/xmlns\">\n"
      "  <key id=\"kind\" for=\"node\" attr.name=\"kind\" attr.type=\"string\"/>\n"
      "  <key id=\"layer\" for=\"node\" attr.name=\"layer\" attr.type=\"int\"/>\n"
      "  <key id=\"head\" for=\"node\" attr.name=\"head\" attr.type=\"int\"/>\n"
      "  <key id=\"input\" for=\"edge\" attr.name=\"input\" attr.type=\"string\"/>\n"
      "  <key id=\"score\" for=\"edge\" attr.name=\"score\" attr.type=\"double\"/>\n"
      "  <key id=\"title\" for=\"graph\" attr.name=\"title\" attr.type=\"string\"/>\n"
      "  <graph id=\"circuit\" edgedefault=\"directed\">\n    ");
  AddData("title", absl::StrCat(CircuitTitle(document), ": ", ScoreLine(document)), xml);
  xml += "\n" + NodeXml(Node::Embed());
  for (const Node& node : circuit.nodes) xml += NodeXml(node);
  xml += NodeXml(Node::Logits());
  const EdgeScores* scores = document.scores ? &*document.scores : nullptr;
  for (const DrawnEdge& edge : DrawnEdges(edges, scores, inputs)) xml += EdgeXml(edge, scores != nullptr);
  return xml + "  </graph>\n</graphml>\n";
}

}  // namespace circuitd
