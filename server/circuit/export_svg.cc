// circuit.svg: the model as a grid of heads and MLPs, those of the circuit filled and named.
//
// The picture stands alone: no scripts, no fonts or files from elsewhere. Widths follow the longest node name, so that
// a model of any size is readable at its natural size.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "server/circuit/export.h"
#include "server/circuit/export_text.h"

namespace circuitd {
namespace {

// Contrast of white text on the first two is over 5:1, of the greys used for text on white over 4.5:1.
constexpr char kHeadColor[] = "#2b5ea7";
constexpr char kMlpColor[] = "#a8480a";
constexpr char kInk[] = "#1d2733";
constexpr char kQuietInk[] = "#5a6673";
constexpr char kBar[] = "#e8ebef";
constexpr char kFaint[] = "#f4f6f8";
constexpr char kFaintEdge[] = "#dfe4ea";
constexpr char kStream[] = "#c2cad3";

constexpr int kMargin = 32;
constexpr int kHeader = 92;     // title and two lines
constexpr int kRowLabels = 62;  // "layer 11", to the left of the grid
constexpr int kCellHeight = 28;
constexpr int kGap = 6;         // between cells
constexpr int kStreamGap = 40;  // between heads and MLPs, where the residual stream runs
constexpr int kBarHeight = 28;  // embed and logits
constexpr int kBarGap = 18;     // between those and the grid
constexpr int kColumnLabels = 22;
constexpr int kLegend = 58;
constexpr int kLegendWidth = 590;

std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(CleanText(text),
                             {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

// Where things are; y grows downwards, layer 0 is the lowest row.
class Layout {
 public:
  explicit Layout(const PruningReport& report) : n_layers_(report.config.n_layers), n_heads_(report.config.n_heads) {
    const size_t longest_name = NodeName(Node::Head(n_layers_ - 1, n_heads_ - 1)).size();
    cell_width_ = std::max(52, static_cast<int>(longest_name) * 7 + 16);
    // Characters at their widest, about: the picture can't measure its text.
    text_width_ = std::max({kLegendWidth, static_cast<int>(CircuitTitle(report).size()) * 12,
                            static_cast<int>(std::max(ScoreLine(report).size(), ParameterLine(report).size())) * 7});
  }

  int cell_width() const { return cell_width_; }
  int grid_left() const { return kMargin + kRowLabels; }
  int grid_right() const { return mlp_x() + cell_width_; }
  int grid_top() const { return kMargin + kHeader + kBarHeight + kBarGap; }
  int grid_bottom() const { return grid_top() + n_layers_ * (kCellHeight + kGap) - kGap; }
  int head_x(int head) const { return grid_left() + head * (cell_width_ + kGap); }
  int mlp_x() const { return head_x(n_heads_) - kGap + kStreamGap; }
  int stream_x() const { return mlp_x() - kStreamGap / 2; }
  int layer_y(int layer) const { return grid_bottom() - kCellHeight - layer * (kCellHeight + kGap); }
  int logits_y() const { return kMargin + kHeader; }
  int embed_y() const { return grid_bottom() + kColumnLabels + kBarGap - kGap; }
  int legend_y() const { return embed_y() + kBarHeight + kLegend - kCellHeight; }
  int width() const { return std::max(grid_right(), kMargin + text_width_) + kMargin; }
  int height() const { return legend_y() + kMargin; }

 private:
  int n_layers_;
  int n_heads_;
  int cell_width_;
  int text_width_;
};

std::string Text(int x, int baseline, absl::string_view attributes, absl::string_view text) {
  return absl::StrCat("<text x=\"", x, "\" y=\"", baseline, "\" ", attributes, ">", Escaped(text), "</text>\n");
}

std::string Rect(int x, int y, int width, int height, int radius, absl::string_view attributes) {
  return absl::StrCat("<rect x=\"", x, "\" y=\"", y, "\" width=\"", width, "\" height=\"", height, "\" rx=\"", radius,
                      "\" ", attributes, "/>\n");
}

// Heads are pills and MLPs boxes, so that they differ without colour too.
std::string Shape(const Node& node, int x, int y, int width, int height, bool kept) {
  const int radius = node.is_head() ? height / 2 : 5;
  if (!kept) {
    return Rect(x, y, width, height, radius, absl::StrCat("fill=\"", kFaint, "\" stroke=\"", kFaintEdge, "\""));
  }
  return Rect(x, y, width, height, radius, absl::StrCat("fill=\"", node.is_head() ? kHeadColor : kMlpColor, "\""));
}

std::string NodeSvg(const Node& node, bool kept, const Layout& layout) {
  const int x = node.is_head() ? layout.head_x(node.head) : layout.mlp_x();
  const int y = layout.layer_y(node.layer);
  std::string svg = absl::StrCat("<g><title>", NodeName(node), kept ? "" : ", not in the circuit", "</title>",
                                 Shape(node, x, y, layout.cell_width(), kCellHeight, kept));
  if (kept) {
    svg += Text(x + layout.cell_width() / 2, y + kCellHeight / 2 + 4,
                "text-anchor=\"middle\" font-size=\"12\" font-weight=\"600\" fill=\"#ffffff\"", NodeName(node));
  }
  return svg + "</g>\n";
}

// embed and logits, as wide as the grid.
std::string BarSvg(int y, absl::string_view name, const Layout& layout) {
  const int width = layout.grid_right() - layout.grid_left();
  return absl::StrCat(Rect(layout.grid_left(), y, width, kBarHeight, 5, absl::StrCat("fill=\"", kBar, "\"")),
                      Text(layout.grid_left() + width / 2, y + kBarHeight / 2 + 4,
                           absl::StrCat("text-anchor=\"middle\" font-size=\"12\" fill=\"", kInk, "\""), name));
}

// Upwards from `foot` to `tip`.
std::string ArrowSvg(int x, int foot, int tip) {
  return absl::StrCat("<path d=\"M", x, " ", foot, "V", tip + 6, "\" stroke=\"", kStream,
                      "\" stroke-width=\"2\" fill=\"none\"/>\n<path d=\"M", x, " ", tip, "l-5 9h10z\" fill=\"", kStream,
                      "\"/>\n");
}

std::string HeaderSvg(const PruningReport& report) {
  const std::string quiet = absl::StrCat("font-size=\"13\" fill=\"", kQuietInk, "\"");
  return absl::StrCat(
      Text(kMargin, kMargin + 18, absl::StrCat("font-size=\"20\" font-weight=\"600\" fill=\"", kInk, "\""),
           CircuitTitle(report)),
      Text(kMargin, kMargin + 43, quiet, ScoreLine(report)), Text(kMargin, kMargin + 63, quiet, ParameterLine(report)));
}

std::string AxesSvg(const ModelConfig& config, const Layout& layout) {
  const std::string quiet = absl::StrCat("font-size=\"11\" fill=\"", kQuietInk, "\"");
  const std::string middle = absl::StrCat("text-anchor=\"middle\" ", quiet);
  const int baseline = layout.grid_bottom() + kColumnLabels - 5;
  std::string svg;
  for (int layer = 0; layer < config.n_layers; ++layer) {
    svg += Text(kMargin, layout.layer_y(layer) + kCellHeight / 2 + 4, quiet, absl::StrCat("layer ", layer));
  }
  for (int head = 0; head < config.n_heads; ++head) {
    svg += Text(layout.head_x(head) + layout.cell_width() / 2, baseline, middle, absl::StrCat("head ", head));
  }
  return svg + Text(layout.mlp_x() + layout.cell_width() / 2, baseline, middle, "MLP");
}

std::string LegendSvg(const Layout& layout) {
  const std::string quiet = absl::StrCat("font-size=\"11\" fill=\"", kQuietInk, "\"");
  const int y = layout.legend_y(), x = kMargin;
  return absl::StrCat(Shape(Node::Head(0, 0), x, y - 10, 24, 12, true), Text(x + 31, y, quiet, "head in the circuit"),
                      Shape(Node::Mlp(0), x + 156, y - 10, 24, 12, true), Text(x + 187, y, quiet, "MLP in the circuit"),
                      Shape(Node::Head(0, 0), x + 306, y - 10, 24, 12, false),
                      Text(x + 337, y, quiet, "ablated to its mean"), ArrowSvg(x + 470, y + 3, y - 12),
                      Text(x + 482, y, quiet, "residual stream"));
}

// What a screen reader says in place of the picture.
std::string Description(const PruningReport& report) {
  const std::string nodes = absl::StrJoin(
      report.result.circuit, ", ", [](std::string* out, const Node& node) { absl::StrAppend(out, NodeName(node)); });
  return absl::StrCat(ScoreLine(report), ". ", ParameterLine(report), ". Nodes: ", nodes.empty() ? "none" : nodes, ".");
}

}  // namespace

std::string CircuitSvg(const PruningReport& report) {
  const Layout layout(report);
  std::string svg = absl::StrCat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", layout.width(), "\" height=\"", layout.height(),
      "\" viewBox=\"0 0 ", layout.width(), " ", layout.height(),
      "\" role=\"img\" aria-labelledby=\"circuit-title circuit-desc\" font-family=\"system-ui, -apple-system, 'Segoe "
      "UI', Roboto, 'DejaVu Sans', sans-serif\">\n<title id=\"circuit-title\">",
      Escaped(CircuitTitle(report)), "</title>\n<desc id=\"circuit-desc\">", Escaped(Description(report)),
      "</desc>\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n", HeaderSvg(report),
      ArrowSvg(layout.stream_x(), layout.embed_y(), layout.logits_y() + kBarHeight + 1),
      BarSvg(layout.logits_y(), "logits", layout), BarSvg(layout.embed_y(), "embed", layout));
  for (const Node& node : AllNodes(report.config)) {
    svg += NodeSvg(node, report.result.circuit.contains(node), layout);
  }
  return absl::StrCat(svg, AxesSvg(report.config, layout), LegendSvg(layout), "</svg>\n");
}

}  // namespace circuitd
