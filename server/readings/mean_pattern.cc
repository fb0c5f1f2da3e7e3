#include "server/readings/mean_pattern.h"

#include <algorithm>

#include "server/model/logit_readout.h"

namespace circuitd {

MeanPattern::MeanPattern(size_t prompts, int64_t layers, int64_t heads, int64_t pos)
    : next_layer_(prompts), sum_(at::zeros({layers, heads, pos, pos}, at::kDouble)) {}

void MeanPattern::Add(MicroBatch batch, int layer, int64_t slot, const at::Tensor& pattern) {
  // Retries halve micro-batches, so that all prompts of one have come equally far.
  if (next_layer_[batch.begin] > layer) return;
  sum_[slot].add_(pattern.sum(0, /*keepdim=*/false, at::kDouble).cpu());
  std::fill(next_layer_.begin() + batch.begin, next_layer_.begin() + batch.end, layer + 1);
}

HostTensor MeanPattern::Mean() { return ToHost(sum_.div_(static_cast<double>(next_layer_.size())).to(at::kFloat)); }

}  // namespace circuitd
