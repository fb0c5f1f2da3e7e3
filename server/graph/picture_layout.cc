#include "server/graph/picture_layout.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/graph/svg_parts.h"

namespace circuitd {
namespace {

constexpr int kRowLabels = 62;  // "layer 11", to the left of the grid
constexpr int kStreamGap = 40;  // between heads and MLPs, where the residual stream runs
constexpr int kBarGap = 18;     // between the bars and the grid
constexpr int kColumnLabels = 22;
constexpr int kEmbedEdges = 40;  // the height of what goes from embed to the lowest layer
constexpr int kLegendGap = 20;
constexpr int kTurn = 32;  // the height of a curve out of a column's channel or into it

// A cubic curve by (dx, -dy), upright at both ends; `bow` pushes it to the right.
std::string Curve(int dx, int dy, int bow) {
  const int reach = bow ? dy / 3 : std::max(dy * 9 / 20, std::min(dy, 14));
  return absl::StrCat("c", bow, " ", -reach, " ", dx + bow, " ", reach - dy, " ", dx, " ", -dy);
}

// -1 for q, 1 for v, 0 for all else.
int Side(const Node& receiver, HeadInputs inputs) {
  if (receiver.input == Node::Input::kNone || inputs == HeadInputs::kMerged) return 0;
  return static_cast<int>(receiver.input) - static_cast<int>(Node::Input::kK);
}

}  // namespace

PictureLayout::PictureLayout(const ModelConfig& config, bool with_edges, int header, int legend, int text_width)
    : config_(config), header_(header), legend_(legend), text_width_(text_width) {
  const size_t longest_name = NodeName(Node::Head(config.n_layers - 1, config.n_heads - 1)).size();
  cell_width_ = std::max(52, static_cast<int>(longest_name) * 7 + 16);
  gap_ = with_edges ? 18 : 6;
  row_ = with_edges ? 104 : cell_height() + gap_;
  mlp_rise_ = with_edges ? 52 : 0;
  arcs_ = with_edges ? std::min(24 + 8 * config.n_layers, 160) : 0;
}

int PictureLayout::grid_left() const { return kMargin + kRowLabels; }

int PictureLayout::grid_top() const { return logits_y() + kBarHeight + kBarGap + (mlp_rise_ ? 12 : 0); }

int PictureLayout::grid_bottom() const {
  return grid_top() + mlp_rise_ + (config_.n_layers - 1) * row_ + cell_height();
}

int PictureLayout::mlp_x() const { return head_x(config_.n_heads) - gap_ + kStreamGap; }

int PictureLayout::stream_x() const { return mlp_x() - kStreamGap / 2; }

int PictureLayout::node_y(const Node& node) const {
  return grid_bottom() - cell_height() - node.layer * row_ - (node.is_mlp() ? mlp_rise_ : 0);
}

int PictureLayout::embed_y() const {
  return grid_bottom() + (mlp_rise_ ? kEmbedEdges : kColumnLabels + kBarGap - gap_);
}

int PictureLayout::column_labels_y() const {
  return (mlp_rise_ ? embed_y() + kBarHeight : grid_bottom()) + kColumnLabels - 5;
}

int PictureLayout::legend_y() const { return embed_y() + kBarHeight + (mlp_rise_ ? kColumnLabels : 0) + kLegendGap; }

int PictureLayout::width() const { return std::max(grid_right() + arcs_, kMargin + text_width_) + kMargin; }

int PictureLayout::Port(const Node& receiver, HeadInputs inputs) const {
  return node_x(receiver) + cell_width_ / 2 + Side(receiver, inputs) * cell_width_ / 4;
}

std::string PictureLayout::EdgePath(const Edge& edge, HeadInputs inputs) const {
  const bool from_embed = edge.sender.kind == Node::Kind::kEmbed, to_logits = edge.receiver.kind == Node::Kind::kLogits;
  const int bottom = embed_y(), top = logits_y() + kBarHeight;
  if (from_embed && to_logits) return absl::StrCat("M", stream_x(), " ", bottom, "V", top);
  if (from_embed) {
    const int x = Port(edge.receiver, inputs), y = node_y(edge.receiver) + cell_height();
    if (bottom - y < 2 * kTurn + mlp_rise_) return absl::StrCat("M", x, " ", bottom, "V", y);
    const int channel = node_x(edge.receiver) - gap_ / 3;
    return absl::StrCat("M", channel, " ", bottom, "V", y + kTurn, Curve(x - channel, kTurn, 0));
  }
  // Edges to the inputs of one head leave side by side.
  const int x = node_x(edge.sender) + cell_width_ / 2 + Side(edge.receiver, inputs) * 5, y = node_y(edge.sender);
  if (to_logits) {
    if (y - top < 2 * kTurn + mlp_rise_) return absl::StrCat("M", x, " ", y, "V", top);
    const int channel = node_x(edge.sender) + cell_width_ + gap_ / 3;
    return absl::StrCat("M", x, " ", y, Curve(channel - x, kTurn, 0), "V", top);
  }
  const int dx = Port(edge.receiver, inputs) - x, dy = y - node_y(edge.receiver) - cell_height();
  const int layers = edge.receiver.layer - edge.sender.layer;
  // Around the nodes of the same column in between; MLPs' edges the further out the longer they are.
  int bow = 0;
  if (layers > 1 && edge.sender.is_mlp() && edge.receiver.is_mlp()) {
    bow = (cell_width_ / 2 + std::min(10 + 8 * layers, arcs_ - 10)) * 4 / 3;
  } else if (layers > 1 && edge.sender.kind == edge.receiver.kind && edge.sender.head == edge.receiver.head) {
    bow = (cell_width_ + gap_) * 2 / 3;
  }
  return absl::StrCat("M", x, " ", y, Curve(dx, dy, bow));
}

std::string BarsSvg(const PictureLayout& layout) {
  const int width = layout.bar_right() - layout.bar_left();
  std::string svg;
  for (const auto& [y, name] : {std::pair(layout.logits_y(), "logits"), std::pair(layout.embed_y(), "embed")}) {
    absl::StrAppend(
        &svg, SvgRect(layout.bar_left(), y, width, PictureLayout::kBarHeight, 5, absl::StrCat("fill=\"", kBar, "\"")),
        SvgText(layout.bar_left() + width / 2, y + PictureLayout::kBarHeight / 2 + 4,
                absl::StrCat("text-anchor=\"middle\" font-size=\"12\" fill=\"", kInk, "\""), name));
  }
  return svg;
}

std::string AxesSvg(const PictureLayout& layout) {
  const std::string middle = absl::StrCat("text-anchor=\"middle\" ", QuietText(11));
  const int baseline = layout.column_labels_y();
  std::string svg;
  for (int layer = 0; layer < layout.config().n_layers; ++layer) {
    svg += SvgText(PictureLayout::kMargin, layout.layer_y(layer) + layout.cell_height() / 2 + 4, QuietText(11),
                   absl::StrCat("layer ", layer));
  }
  for (int head = 0; head < layout.config().n_heads; ++head) {
    svg += SvgText(layout.head_x(head) + layout.cell_width() / 2, baseline, middle, absl::StrCat("head ", head));
  }
  return svg + SvgText(layout.mlp_x() + layout.cell_width() / 2, baseline, middle, "MLP");
}

}  // namespace circuitd
