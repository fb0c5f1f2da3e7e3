// An answer's tokens, each once.
#include "server/tasks/distinct_tokens.h"

#include <algorithm>
#include <unordered_set>

namespace circuitd {

std::vector<int> DistinctTokens(std::vector<int> tokens) {
  std::unordered_set<int> seen;
  const auto again = [&seen](int token) { return !seen.insert(token).second; };
  tokens.erase(std::remove_if(tokens.begin(), tokens.end(), again), tokens.end());
  return tokens;
}

}  // namespace circuitd
