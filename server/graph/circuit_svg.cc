// circuit.svg: the model as a grid of heads and MLPs, those of the circuit filled and named, its edges between them.
//
// The picture stands alone: no scripts, no fonts or files from elsewhere.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/text_width.h"
#include "server/graph/circuit_exports.h"
#include "server/graph/document_text.h"
#include "server/graph/drawn_edges.h"
#include "server/graph/edge_lines.h"
#include "server/graph/input_colors.h"
#include "server/graph/picture_layout.h"
#include "server/graph/svg_parts.h"

namespace circuitd {
namespace {

constexpr int kHeader = 92;  // title and two lines
constexpr int kLegendLine = 22;
constexpr int kLegendWidth = 590;
constexpr int kLineSize = 13;  // of the letters under the title

// Beside colours of edges, nodes are grey.
const char* FillOf(const Node& node, bool with_edges) {
  if (with_edges) return node.is_head() ? kInk : kQuietInk;
  return node.is_head() ? kHeadColor : kMlpColor;
}

// Heads are pills and MLPs boxes, so that they differ without colour too.
std::string Shape(const Node& node, int x, int y, int width, int height, const char* fill) {
  const int radius = node.is_head() ? height / 2 : std::min(5, height / 5);
  if (!fill)
    return SvgRect(x, y, width, height, radius, absl::StrCat("fill=\"", kFaint, "\" stroke=\"", kFaintEdge, "\""));
  return SvgRect(x, y, width, height, radius, absl::StrCat("fill=\"", fill, "\""));
}

std::string NodeSvg(const Node& node, const char* fill, const PictureLayout& layout) {
  const int x = layout.node_x(node), y = layout.node_y(node);
  std::string svg = absl::StrCat("<g><title>", NodeName(node), fill ? "" : ", not in the circuit", "</title>",
                                 Shape(node, x, y, layout.cell_width(), layout.cell_height(), fill));
  if (fill) {
    svg += SvgText(x + layout.cell_width() / 2, y + layout.cell_height() / 2 + 4,
                   "text-anchor=\"middle\" font-size=\"12\" font-weight=\"600\" fill=\"#ffffff\"", NodeName(node));
  }
  return svg + "</g>\n";
}

// The method's name in it may be anyone's.
std::string FittedParameters(const CircuitDocument& document) {
  return FitText(CleanText(ParameterLine(document)), kMostTextWidth, kLineSize);
}

std::string HeaderSvg(const CircuitDocument& document) {
  constexpr int kMargin = PictureLayout::kMargin;
  return absl::StrCat(
      SvgHeading(kMargin, kMargin + 18, CircuitTitle(document)),
      SvgText(kMargin, kMargin + 43, QuietText(kLineSize), FitText(ScoreLine(document), kMostTextWidth, kLineSize)),
      SvgText(kMargin, kMargin + 63, QuietText(kLineSize), FittedParameters(document)));
}

std::string NodeLegend(int y, bool with_edges) {
  const int x = PictureLayout::kMargin;
  return absl::StrCat(Shape(Node::Head(0, 0), x, y - 10, 24, 12, FillOf(Node::Head(0, 0), with_edges)),
                      SvgText(x + 31, y, QuietText(11), "head in the circuit"),
                      Shape(Node::Mlp(0), x + 156, y - 10, 24, 12, FillOf(Node::Mlp(0), with_edges)),
                      SvgText(x + 187, y, QuietText(11), "MLP in the circuit"),
                      Shape(Node::Head(0, 0), x + 306, y - 10, 24, 12, nullptr),
                      SvgText(x + 337, y, QuietText(11), with_edges ? "not in the circuit" : "ablated to its mean"));
}

std::string Line(int x, int y, absl::string_view attributes) {
  return absl::StrCat("<path d=\"M", x, " ", y - 4, "h24\" stroke-width=\"3\" ", attributes, "/>\n");
}

std::string Stroke(const DrawnEdge& edge) {
  return absl::StrCat("stroke=\"", InputColor(edge.edge.receiver), "\"",
                      edge.score < 0 ? " stroke-dasharray=\"6 3\"" : "");
}

std::string EdgeLegend(int y, const CircuitDocument& document, HeadInputs inputs) {
  int x = PictureLayout::kMargin;
  std::string svg;
  const auto add = [&](absl::string_view stroke, absl::string_view text, int width) {
    absl::StrAppend(&svg, Line(x, y, stroke), SvgText(x + 31, y, QuietText(11), text));
    x += width;
  };
  const auto color = [](const Node& receiver) { return absl::StrCat("stroke=\"", InputColor(receiver), "\""); };
  if (inputs == HeadInputs::kSplit) {
    add(color(Node::Head(0, 0, Node::Input::kQ)), "into q (left)", 120);
    add(color(Node::Head(0, 0, Node::Input::kK)), "into k (middle)", 130);
    add(color(Node::Head(0, 0, Node::Input::kV)), "into v (right)", 120);
    add(color(Node::Logits()), "into an MLP or the logits", 190);
  } else {
    add(color(Node::Logits()), "edge, upwards", 156);
  }
  if (!document.scores) return svg;
  x = PictureLayout::kMargin;
  y += kLegendLine;
  add(absl::StrCat("stroke=\"", kInk, "\" stroke-dasharray=\"6 3\""), "score below 0", 156);
  svg += SvgText(x, y, QuietText(11), "The wider and darker an edge, the larger its score without the sign.");
  return svg;
}

// What a screen reader says in place of the picture.
std::string Description(const CircuitDocument& document) {
  const std::string nodes = absl::StrJoin(
      document.circuit.nodes, ", ", [](std::string* out, const Node& node) { absl::StrAppend(out, NodeName(node)); });
  return absl::StrCat(ScoreLine(document), ". ", ParameterLine(document), ". Nodes: ", nodes.empty() ? "none" : nodes,
                      ".");
}

int WidestText(const CircuitDocument& document) {
  return std::max({kLegendWidth, HeadingWidth(CircuitTitle(document)), TextWidth(ScoreLine(document), kLineSize),
                   TextWidth(FittedParameters(document), kLineSize)});
}

}  // namespace

std::string CircuitSvg(const CircuitDocument& document, HeadInputs inputs) {
  const Circuit& circuit = document.circuit;
  const bool with_edges = circuit.edges.has_value();
  const int legend = 10 + (with_edges ? (document.scores ? 2 : 1) * kLegendLine : 0);
  const PictureLayout layout(document.config, with_edges, kHeader, legend, WidestText(document));
  std::string svg = absl::StrCat(
      SvgStart(layout.width(), layout.height(), CircuitTitle(document), Description(document)), HeaderSvg(document));
  if (!with_edges) {
    svg += SvgArrow(layout.stream_x(), layout.embed_y(), layout.logits_y() + PictureLayout::kBarHeight + 1);
  }
  svg += BarsSvg(layout);
  const NodeSet all = AllNodes(document.config);
  // Edges pass over what is outside and under what is inside.
  for (const Node& node : all) {
    if (!circuit.nodes.contains(node)) svg += NodeSvg(node, nullptr, layout);
  }
  if (with_edges) {
    const EdgeScores* scores = document.scores ? &*document.scores : nullptr;
    svg += EdgeLinesSvg(DrawnEdges(*circuit.edges, scores, inputs), layout, inputs, Stroke);
  }
  for (const Node& node : circuit.nodes) svg += NodeSvg(node, FillOf(node, with_edges), layout);
  const int y = layout.legend_y() + 10;
  absl::StrAppend(&svg, AxesSvg(layout), NodeLegend(y, with_edges));
  if (with_edges) {
    svg += EdgeLegend(y + kLegendLine, document, inputs);
  } else {
    const int x = PictureLayout::kMargin;
    absl::StrAppend(&svg, SvgArrow(x + 470, y + 3, y - 12), SvgText(x + 482, y, QuietText(11), "residual stream"));
  }
  return svg + "</svg>\n";
}

}  // namespace circuitd
