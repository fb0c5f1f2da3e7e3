// The mean of attention patterns over prompts of one length.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "server/model/host_tensor.h"
#include "server/model/micro_batch.h"

namespace circuitd {

// Sums in float64, on the host: the device holds a layer at a time. Holds at most its sums, and for one layer as much
// again. Not thread-safe.
class MeanPattern {
 public:
  MeanPattern(size_t prompts, int64_t layers, int64_t heads, int64_t pos);

  // pattern [batch, heads, query, key] of the prompts' next layer, at `slot` of the mean. A micro-batch that failed
  // half-way starts over at layer 0: what has been added of these prompts is not added again.
  void Add(MicroBatch batch, int layer, int64_t slot, const at::Tensor& pattern);

  // float32 [layers, heads, query, key], once all prompts have been added. Once: it frees each layer's sum in turn.
  HostTensor TakeMean();

 private:
  std::vector<int> next_layer_;   // of each prompt: the first that has not been added
  std::vector<at::Tensor> sums_;  // of each layer: [heads, query, key] float64
};

}  // namespace circuitd
