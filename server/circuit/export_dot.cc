// circuit.dot, for graphviz.
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/circuit/export.h"
#include "server/circuit/export_text.h"

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

// The layer's row, its nodes from left to right: a chain of invisible edges keeps their order.
std::string LayerDot(int layer, const NodeSet& circuit) {
  const std::string row = absl::StrCat("layer ", layer);
  std::string ranked = absl::StrCat("  {\n    rank=same;\n    ", Quoted(row),
                                    " [shape=plaintext, style=\"\", fontcolor=\"#5a6673\"];\n");
  std::string order = absl::StrCat("    ", Quoted(row));
  bool empty = true;
  for (const Node& node : circuit) {
    if (node.layer != layer) continue;
    const char* look = node.is_head() ? "" : " [shape=box, fillcolor=\"#a8480a\"]";
    absl::StrAppend(&ranked, "    ", Quoted(NodeName(node)), look, ";\n");
    absl::StrAppend(&order, " -> ", Quoted(NodeName(node)));
    empty = false;
  }
  if (!empty) absl::StrAppend(&ranked, order, " [style=invis];\n");
  return ranked + "  }\n";
}

}  // namespace

std::string CircuitDot(const PruningReport& report) {
  std::string dot = absl::StrCat(
      "digraph circuit {\n  rankdir=BT;\n  labelloc=t;\n  fontname=\"sans-serif\";\n  label=",
      Quoted(absl::StrCat(CircuitTitle(report), ": ", ScoreLine(report), ", threshold ", report.options.threshold)),
      ";\n  node [shape=ellipse, style=filled, fontname=\"sans-serif\", color=transparent, fillcolor=\"#2b5ea7\", "
      "fontcolor=white];\n  edge [style=invis];\n"
      "  \"embed\" [shape=box, fillcolor=\"#e8ebef\", fontcolor=\"#1d2733\"];\n"
      "  \"logits\" [shape=box, fillcolor=\"#e8ebef\", fontcolor=\"#1d2733\"];\n");
  for (int layer = 0; layer < report.config.n_layers; ++layer) dot += LayerDot(layer, report.result.circuit);
  dot += "  \"embed\"";
  for (int layer = 0; layer < report.config.n_layers; ++layer) absl::StrAppend(&dot, " -> \"layer ", layer, "\"");
  return dot + " -> \"logits\";\n}\n";
}

}  // namespace circuitd
