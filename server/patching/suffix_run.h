// Goes on from a changed residual stream where an unpatched run stood: only layers above and positions from the change
// on are run, with the unpatched run's keys and values before it.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "server/model/layer_products.h"
#include "server/patching/base_run.h"

namespace circuitd {

// Where in a layer a run goes on: with the residual stream before its attention, or after it (resid_mid).
enum class SuffixStart { kBeforeAttention, kAfterAttention };

// Patched copies of the base run's prompts, all of which are as in the base run before position `first`.
struct SuffixSegment {
  int64_t first = 0;
  std::vector<int64_t> prompts;  // of each copy, by row of the base run
  // [copies, rows, d_model]: all positions from `first` on, or, before attention, the first few of them; the others are
  // the base run's, which has to have kept kResidPre and kQ of the layer then.
  at::Tensor residual;
};

// The residual stream after the last layer at each prompt's last position: [copies of all segments, d_model]. `layer`
// may be the number of layers, where nothing is left to run. Where a prompt ends before its segment's `first` the row
// means nothing. `base` must have kept kK and kV of the layers that attention is run in. Throws torch's exceptions.
at::Tensor RunSuffix(const LayerProducts& products, const BaseRun& base, int layer, SuffixStart start,
                     const std::vector<SuffixSegment>& segments);

// Operations of RunSuffix over `rows` rows of `copies` copies, and their logits.
double SuffixFlops(const ModelConfig& config, int64_t pos, int layer, int64_t copies, int64_t rows);

}  // namespace circuitd
