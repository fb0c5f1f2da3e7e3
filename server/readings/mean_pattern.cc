#include "server/readings/mean_pattern.h"

#include <algorithm>

namespace circuitd {

MeanPattern::MeanPattern(size_t prompts, int64_t layers, int64_t heads, int64_t pos) : next_layer_(prompts) {
  for (int64_t i = 0; i < layers; ++i) sums_.push_back(at::zeros({heads, pos, pos}, at::kDouble));
}

void MeanPattern::Add(MicroBatch batch, int layer, int64_t slot, const at::Tensor& pattern) {
  // Retries halve micro-batches, so that all prompts of one have come equally far.
  if (next_layer_[batch.begin] > layer) return;
  sums_[slot].add_(pattern.sum(0, /*keepdim=*/false, at::kDouble).cpu());
  std::fill(next_layer_.begin() + batch.begin, next_layer_.begin() + batch.end, layer + 1);
}

HostTensor MeanPattern::TakeMean() {
  HostTensor mean;
  mean.shape = sums_[0].sizes().vec();
  mean.shape.insert(mean.shape.begin(), static_cast<int64_t>(sums_.size()));
  // Pages are taken as they are filled, about as fast as the sums' are given back.
  mean.data.reserve(sums_.size() * sums_[0].numel() * sizeof(float));
  for (at::Tensor& sum : sums_) {
    const at::Tensor layer = sum.div_(static_cast<double>(next_layer_.size())).to(at::kFloat);
    mean.data.append(static_cast<const char*>(layer.data_ptr()), layer.nbytes());
    sum.reset();
  }
  return mean;
}

}  // namespace circuitd
