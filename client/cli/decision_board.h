// A job's decisions as they fall: a board of layers x heads and MLP that fills in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "circuitd/v1/job.pb.h"
#include "client/cli/terminal.h"

namespace circuitd::client {

// What was decided of one node, or, of edges, of those into it (of a head into q, k and v together).
struct BoardCell {
  uint64_t tried = 0;
  uint64_t stay = 0;
  // Of a node that stays: points of the score that are lost without it; NaN if that is not known.
  double loss = std::numeric_limits<double>::quiet_NaN();
};

// Made of events alone: it grows with the layers and heads that they name. Not thread-safe.
class DecisionBoard {
 public:
  // {layer, head}; kMlp in place of the head, and for the logits kLogits in place of the layer, with head 0.
  using Place = std::pair<uint32_t, uint32_t>;
  static constexpr uint32_t kMlp = std::numeric_limits<uint32_t>::max();
  static constexpr uint32_t kLogits = std::numeric_limits<uint32_t>::max();

  // Events without a decision change nothing.
  void Update(const v1::JobEvent& event);

  bool empty() const { return cells_.empty(); }
  // Edges rather than nodes.
  bool edges() const { return edges_; }
  // Layers and heads 0, 1, … up to the last one named.
  size_t layers() const { return layers_; }
  size_t heads() const { return heads_; }
  // Nullptr where nothing is known of a node that is there in other layers: of nodes it is undecided; of edges it may
  // be out of the circuit that they are of.
  const BoardCell* Find(Place place) const;
  // Where the last decision fell.
  std::optional<Place> last() const { return last_; }
  // The largest known loss; 0 without any.
  double LargestLoss() const;

 private:
  // Nullopt for what has no cell. The board grows with it.
  std::optional<Place> PlaceOf(const v1::Node& node);
  void Take(const v1::PruningDecision& decision);
  void Take(const v1::EdgeDecision& decision);

  std::map<Place, BoardCell> cells_;
  bool edges_ = false;
  size_t layers_ = 0;
  size_t heads_ = 0;
  std::optional<Place> last_;
  // Of the circuit that the next candidate is taken from.
  std::optional<double> score_;
};

struct BoardView {
  // Columns and lines that there are.
  size_t width = 80;
  size_t height = 24;
  ColourDepth depth = ColourDepth::kNone;
  // Points out the last decision.
  bool mark_last = true;
};

// A line of column labels, layers from the last one on top, a legend. Cells have numbers where there is room, else a
// symbol each; layers share lines where there are too few. No line is wider than `width`; none at all where there is no
// room for a board, or nothing on it.
std::vector<std::string> RenderBoard(const DecisionBoard& board, const BoardView& view);

}  // namespace circuitd::client
