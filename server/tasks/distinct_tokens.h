// An answer's tokens, each once.
#pragma once

#include <vector>

namespace circuitd {

// `tokens` without those that are there already, in order: counted twice, a token's probability could exceed one.
// Takes time in proportion to their number. Thread-safe.
std::vector<int> DistinctTokens(std::vector<int> tokens);

}  // namespace circuitd
