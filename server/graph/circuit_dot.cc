// circuit.dot, for graphviz.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "server/graph/circuit_exports.h"
#include "server/graph/document_text.h"
#include "server/graph/drawn_edges.h"
#include "server/graph/edge_order.h"
#include "server/graph/input_colors.h"

namespace circuitd {
namespace {

// A quoted DOT string. Backslashes are doubled: labels would read them as escapes.
std::string Quoted(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : CleanText(text)) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

// Nodes of the layer's row, from left to right: a chain of invisible edges keeps their order.
std::string RowDot(absl::string_view row, int layer, const NodeSet& circuit, bool heads, bool mlps) {
  std::string ranked = absl::StrCat("  {\n    rank=same;\n    ", Quoted(row),
                                    " [shape=plaintext, style=\"\", fontcolor=\"#5a6673\"];\n");
  std::string order = absl::StrCat("    ", Quoted(row));
  bool empty = true;
  for (const Node& node : circuit) {
    if (node.layer != layer || !(node.is_head() ? heads : mlps)) continue;
    const char* look = node.is_head() ? "" : " [shape=box, fillcolor=\"#a8480a\"]";
    absl::StrAppend(&ranked, "    ", Quoted(NodeName(node)), look, ";\n");
    absl::StrAppend(&order, " -> ", Quoted(NodeName(node)));
    empty = false;
  }
  if (!empty) absl::StrAppend(&ranked, order, " [style=invis];\n");
  return ranked + "  }\n";
}

std::string EdgesDot(const CircuitDocument& document, HeadInputs inputs) {
  const EdgeScores* scores = document.scores ? &*document.scores : nullptr;
  std::string dot;
  for (const DrawnEdge& edge : DrawnEdges(*document.circuit.edges, scores, inputs)) {
    const Node receiver = NodeOfReceiver(edge.edge.receiver);
    absl::StrAppendFormat(&dot, "  %s -> %s [style=%s, color=\"%s\", penwidth=%.2f, tooltip=%s",
                          Quoted(NodeName(edge.edge.sender)), Quoted(NodeName(receiver)),
                          edge.score < 0 ? "dashed" : "solid", InputColor(edge.edge.receiver),
                          0.6 + 3.4 * (scores ? edge.strength : 0.3), Quoted(EdgeName(edge.edge)));
    if (scores) absl::StrAppendFormat(&dot, ", score=%s", Quoted(absl::StrFormat("%.17g", edge.score)));
    dot += "];\n";
  }
  return dot;
}

}  // namespace

std::string CircuitDot(const CircuitDocument& document, HeadInputs inputs) {
  const Circuit& circuit = document.circuit;
  const std::string parameters = ParameterLine(document);
  std::string dot = absl::StrCat(
      "digraph circuit {\n  rankdir=BT;\n  labelloc=t;\n  fontname=\"sans-serif\";\n  label=",
      Quoted(
          absl::StrCat(CircuitTitle(document), ": ", ScoreLine(document), parameters.empty() ? "" : ", ", parameters)),
      ";\n  node [shape=ellipse, style=filled, fontname=\"sans-serif\", color=transparent, fillcolor=\"#2b5ea7\", "
      "fontcolor=white];\n  edge [style=invis];\n"
      "  \"embed\" [shape=box, fillcolor=\"#e8ebef\", fontcolor=\"#1d2733\"];\n"
      "  \"logits\" [shape=box, fillcolor=\"#e8ebef\", fontcolor=\"#1d2733\"];\n");
  std::string order = "  \"embed\"";
  for (int layer = 0; layer < document.config.n_layers; ++layer) {
    const std::string row = absl::StrCat("layer ", layer), above = absl::StrCat("MLP ", layer);
    absl::StrAppend(&dot, RowDot(row, layer, circuit.nodes, /*heads=*/true, /*mlps=*/!circuit.edges));
    absl::StrAppend(&order, " -> ", Quoted(row));
    // Edges go from heads to the MLP of their layer, so it has a row above them.
    if (!circuit.edges) continue;
    absl::StrAppend(&dot, RowDot(above, layer, circuit.nodes, /*heads=*/false, /*mlps=*/true));
    absl::StrAppend(&order, " -> ", Quoted(above));
  }
  absl::StrAppend(&dot, order, " -> \"logits\";\n");
  if (circuit.edges) dot += EdgesDot(document, inputs);
  return dot + "}\n";
}

}  // namespace circuitd
