#include "server/readings/detailed_heads.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "server/graph/head_details.h"

namespace circuitd {

std::vector<std::vector<int>> PromptsOfCommonLength(const PromptPairs& pairs, size_t most) {
  std::map<size_t, size_t> counts;  // by length
  for (const PromptPair& pair : pairs) ++counts[pair.clean.size()];
  size_t length = counts.begin()->first;
  for (const auto& [of_length, count] : counts) {
    if (count > counts[length]) length = of_length;
  }
  std::vector<std::vector<int>> prompts;
  for (const PromptPair& pair : pairs) {
    if (prompts.size() == most) break;
    if (pair.clean.size() == length) prompts.push_back(pair.clean);
  }
  return prompts;
}

std::vector<Node> ChooseHeads(const ModelConfig& config, const NodeSet& first, size_t most) {
  NodeSet chosen;
  for (const Node& node : first) {
    if (node.is_head() && chosen.size() < most) chosen.insert(node);
  }
  for (int layer = 0; layer < config.n_layers && chosen.size() < most; ++layer) {
    for (int head = 0; head < config.n_heads && chosen.size() < most; ++head) chosen.insert(Node::Head(layer, head));
  }
  return {chosen.begin(), chosen.end()};
}

int PositionsPerCell(size_t positions) {
  return static_cast<int>((positions + kMostPatternCells - 1) / kMostPatternCells);
}

std::vector<float> MergeIntoCells(absl::Span<const float> mean, size_t positions, int positions_per_cell) {
  const size_t cells = (positions + positions_per_cell - 1) / positions_per_cell;
  std::vector<float> pattern(cells * (cells + 1) / 2);
  for (size_t query = 0; query < positions; ++query) {
    const size_t row = query / positions_per_cell;
    float* cell = pattern.data() + row * (row + 1) / 2;
    for (size_t key = 0; key <= query; ++key) {
      float& merged = cell[key / positions_per_cell];
      // Rounding may leave a softmax a little above 1.
      merged = std::max(merged, std::min(mean[query * positions + key], 1.0f));
    }
  }
  return pattern;
}

std::vector<int> MostAttended(absl::Span<const float> mean, absl::Span<const int> tokens, size_t most) {
  const absl::Span<const float> last = mean.subspan((tokens.size() - 1) * tokens.size(), tokens.size());
  std::vector<int> order(tokens.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return last[a] > last[b]; });
  std::vector<int> positions;
  std::set<int> seen;
  for (const int position : order) {
    if (positions.size() == most) break;
    if (seen.insert(tokens[position]).second) positions.push_back(position);
  }
  return positions;
}

}  // namespace circuitd
