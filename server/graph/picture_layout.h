// Where the nodes of a model are in a picture: a row a layer, bottom to top, a column a head, and the MLPs beside them.
#pragma once

#include <string>

#include "server/graph/circuit_exports.h"
#include "server/graph/edge.h"
#include "server/model/config.h"

namespace circuitd {

// In pixels; y grows downwards. Widths follow the longest node name, so that a model of any size is readable at its
// natural size.
class PictureLayout {
 public:
  // With edges, rows are further apart and MLPs stand above the heads of their layer, so that all edges lead upwards.
  // `header` and `legend` are the heights of what stands above and below, `text_width` how wide that is at least.
  PictureLayout(const ModelConfig& config, bool with_edges, int header, int legend, int text_width);

  static constexpr int kMargin = 32;
  static constexpr int kBarHeight = 28;  // embed and logits

  int cell_width() const { return cell_width_; }
  int cell_height() const { return 28; }
  int grid_left() const;
  int grid_right() const { return mlp_x() + cell_width_; }
  // Of embed and logits: edges end there that run beside the outermost columns.
  int bar_left() const { return grid_left() - bar_overhang(); }
  int bar_right() const { return grid_right() + bar_overhang(); }
  int grid_top() const;
  int grid_bottom() const;
  int head_x(int head) const { return grid_left() + head * (cell_width_ + gap_); }
  int mlp_x() const;
  int stream_x() const;
  int node_x(const Node& node) const { return node.is_head() ? head_x(node.head) : mlp_x(); }
  int node_y(const Node& node) const;
  int layer_y(int layer) const { return node_y(Node::Head(layer, 0)); }
  int logits_y() const { return kMargin + header_; }
  int embed_y() const;
  // Of the names of the columns: below the grid, or, where edges leave embed, below that.
  int column_labels_y() const;
  int legend_y() const;  // the top of the legend
  int width() const;
  int height() const { return legend_y() + legend_ + kMargin; }
  const ModelConfig& config() const { return config_; }

  // A path's "d" from the sender's upper border to the receiver's lower one. With split inputs q enters a head left of
  // its middle, k there and v right of it. What comes from embed or leads to the logits runs between the columns.
  std::string EdgePath(const Edge& edge, HeadInputs inputs) const;

 private:
  int bar_overhang() const { return mlp_rise_ ? gap_ * 2 / 3 : 0; }
  // Where edges enter a receiver's lower border.
  int Port(const Node& receiver, HeadInputs inputs) const;

  ModelConfig config_;
  int header_;
  int legend_;
  int text_width_;
  int cell_width_;
  int gap_;       // between columns
  int row_;       // from one layer to the next
  int mlp_rise_;  // of an MLP above the heads of its layer
  int arcs_;      // room beside the MLPs for the edges between them
};

// What all pictures have: embed and logits as wide as the grid, the names of layers and heads.
std::string BarsSvg(const PictureLayout& layout);
std::string AxesSvg(const PictureLayout& layout);

}  // namespace circuitd
