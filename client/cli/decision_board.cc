#include "client/cli/decision_board.h"

#include <algorithm>
#include <cmath>

#include "client/cli/head_grid.h"

namespace circuitd::client {

void DecisionBoard::Update(const v1::JobEvent& event) {
  if (!event.has_decision()) return;
  if (event.decision().has_edge_decision()) {
    Take(event.decision().edge_decision());
  } else if (event.decision().has_decision()) {
    Take(event.decision().decision());
  }
}

const BoardCell* DecisionBoard::Find(Place place) const {
  const auto found = cells_.find(place);
  return found != cells_.end() ? &found->second : nullptr;
}

double DecisionBoard::LargestLoss() const {
  double largest = 0;
  for (const auto& [place, cell] : cells_) {
    if (cell.loss > largest) largest = cell.loss;
  }
  return largest;
}

std::optional<DecisionBoard::Place> DecisionBoard::PlaceOf(const v1::Node& node) {
  const bool head = node.kind() == v1::NODE_KIND_ATTENTION_HEAD;
  if (node.kind() == v1::NODE_KIND_LOGITS) return {{kLogits, 0}};
  if (!head && node.kind() != v1::NODE_KIND_MLP) return std::nullopt;
  // What is beyond is no model's.
  if (node.layer() >= kMaxGridSide || (head && node.head() >= kMaxGridSide)) return std::nullopt;
  layers_ = std::max<size_t>(layers_, node.layer() + 1);
  if (head) heads_ = std::max<size_t>(heads_, node.head() + 1);
  return {{node.layer(), head ? node.head() : kMlp}};
}

void DecisionBoard::Take(const v1::PruningDecision& decision) {
  // A watch may begin later: then the score is known after the first node that leaves.
  if (decision.index() == 0) score_ = 100;
  last_ = PlaceOf(decision.node());
  if (last_) {
    BoardCell& cell = cells_[*last_];
    cell = {.tried = 1, .stay = decision.removed() ? 0U : 1U};
    if (!decision.removed() && score_) cell.loss = *score_ - decision.score();
  }
  if (decision.removed()) score_ = decision.score();
}

void DecisionBoard::Take(const v1::EdgeDecision& decision) {
  edges_ = true;
  // A node that only sends so far is there, too.
  if (const auto sender = PlaceOf(decision.edge().sender())) cells_[*sender];
  last_ = PlaceOf(decision.edge().receiver());
  if (!last_) return;
  BoardCell& cell = cells_[*last_];
  ++cell.tried;
  if (!decision.removed()) ++cell.stay;
}

}  // namespace circuitd::client
