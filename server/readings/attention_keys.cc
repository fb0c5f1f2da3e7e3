#include "server/readings/attention_keys.h"

namespace circuitd {

ScoredKeys FindScoredKeys(const at::Tensor& tokens) {
  const int64_t pos = tokens.size(0);
  const at::Tensor same = tokens.unsqueeze(1) == tokens.unsqueeze(0);  // [query, key]
  const at::Tensor previous = at::ones_like(same).tril(-1).triu(-1);
  const at::Tensor duplicate = same.tril(-1);
  // The position after each duplicate, at most the query itself.
  at::Tensor induction = at::zeros_like(same);
  induction.narrow(1, 1, pos - 1).copy_(duplicate.narrow(1, 0, pos - 1));
  at::Tensor keys = at::stack({previous, duplicate, induction});
  return {keys, keys.any(-1).sum(-1)};
}

at::Tensor AttentionOn(const at::Tensor& pattern, const ScoredKeys& scored) {
  return at::matmul(pattern.flatten(1), scored.keys.flatten(1).t().to(pattern.scalar_type()));
}

}  // namespace circuitd
