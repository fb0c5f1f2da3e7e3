#include "server/circuit/engine/prompt_chunks.h"

#include <algorithm>
#include <numeric>

namespace circuitd {

std::vector<std::vector<size_t>> SplitIntoChunks(const PromptPairs& pairs, int64_t chunk_tokens) {
  std::vector<size_t> order(pairs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return pairs[a].clean < pairs[b].clean; });

  int64_t tokens = 0;
  for (const PromptPair& pair : pairs) tokens += static_cast<int64_t>(pair.clean.size());
  const size_t chunks = std::max<int64_t>(1, (tokens + chunk_tokens - 1) / chunk_tokens);
  const size_t most = (pairs.size() + chunks - 1) / chunks;

  std::vector<std::vector<size_t>> result;
  size_t longest = 0;
  for (const size_t index : order) {
    const size_t length = std::max(longest, pairs[index].clean.size());
    if (result.empty() || result.back().size() == most ||
        static_cast<int64_t>((result.back().size() + 1) * length) > chunk_tokens) {
      result.emplace_back();
      longest = 0;
    }
    longest = std::max(longest, pairs[index].clean.size());
    result.back().push_back(index);
  }
  return result;
}

}  // namespace circuitd
