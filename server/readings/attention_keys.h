// Which keys the known kinds of heads attend to.
#pragma once

#include <ATen/ATen.h>

namespace circuitd {

// What AttentionScores are of, in its order: previous-token, duplicate-token and induction heads.
inline constexpr int64_t kHeadKinds = 3;

// The keys in one prompt.
struct ScoredKeys {
  at::Tensor keys;     // [head kinds, query, key] bool
  at::Tensor queries;  // [head kinds] int64: query positions that have such keys
};

// tokens [pos] int64
ScoredKeys FindScoredKeys(const at::Tensor& tokens);

// The attention on the keys, summed over queries: pattern [heads, query, key] float32 -> [heads, head kinds].
at::Tensor AttentionOn(const at::Tensor& pattern, const ScoredKeys& scored);

}  // namespace circuitd
