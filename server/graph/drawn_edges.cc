#include "server/graph/drawn_edges.h"

#include <algorithm>
#include <cmath>

#include "server/graph/edge_order.h"

namespace circuitd {

std::vector<DrawnEdge> DrawnEdges(const EdgeSet& edges, const EdgeScores* scores, HeadInputs inputs) {
  const ModelConfig& config = edges.config();
  // Place, plus 1, of what each pair of nodes has in `drawn` with merged inputs.
  std::vector<size_t> merged(inputs == HeadInputs::kMerged ? size_t(edges.sender_count()) * edges.sender_count() : 0);
  std::vector<DrawnEdge> drawn;
  double strongest = 0;
  for (const Edge& edge : edges.Edges()) {
    const int sender = SenderRank(config, edge.sender);
    const double score = scores ? scores->At(ReceiverRank(config, edge.receiver), sender) : 0;
    if (std::isfinite(score)) strongest = std::max(strongest, std::abs(score));
    DrawnEdge next;
    next.edge = edge;
    next.score = score;
    if (inputs == HeadInputs::kMerged && edge.receiver.is_head()) {
      next.edge.receiver = NodeOfReceiver(edge.receiver);
      size_t& place = merged[size_t(SenderRank(config, next.edge.receiver)) * edges.sender_count() + sender];
      if (place) {
        DrawnEdge& other = drawn[place - 1];
        if (std::abs(score) > std::abs(other.score)) other.score = score;
        continue;
      }
      place = drawn.size() + 1;
    }
    drawn.push_back(next);
  }
  if (strongest > 0) {
    for (DrawnEdge& edge : drawn) {
      edge.strength = std::isfinite(edge.score) ? std::abs(edge.score) / strongest : 0;
    }
  }
  return drawn;
}

}  // namespace circuitd
