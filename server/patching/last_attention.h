// Attention of each prompt's last position alone, over patched copies of prompts, without keys and values of the
// changed positions: a query goes through the keys' weights instead, and what it attends to through the values'. So the
// cost is a row's for each copy, not one for each of its positions.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "server/model/gpt2.h"
#include "server/patching/base_run.h"

namespace circuitd {

class LastAttention {
 public:
  // normalized [rows, d_model]: what `layer`'s attention reads, of the copies of all segments one after the other; last
  // [copies]: which of these are the last positions. `base` must have kept kK and kV. All but `last` have to outlive
  // this. Throws torch's exceptions.
  LastAttention(const Gpt2& network, const BaseRun& base, int layer, const at::Tensor& normalized,
                const at::Tensor& last);

  // The next segment: copies of `prompts` [copies], with rows for all positions from `first` on.
  void Add(int64_t first, const at::Tensor& prompts);

  // Of all segments, once they are added: z [copies, d_model].
  at::Tensor Z() const;

 private:
  // The weight and bias of q (part 0), k (1) or v (2): [d_model, n_heads, d_head], [n_heads, d_head].
  at::Tensor Weight(int part) const;
  at::Tensor Bias(int part) const;

  const ModelConfig& config_;
  const BlockWeights& w_;
  const BaseRun& base_;
  const int layer_;
  const at::Tensor& normalized_;
  at::Tensor q_;           // [copies, n_heads, d_head], scaled
  at::Tensor through_k_;   // [copies, n_heads, d_model]: q times the keys' weight
  at::Tensor of_k_bias_;   // [copies, n_heads, 1]: q times the keys' bias
  int64_t next_row_ = 0;   // of the next segment
  int64_t next_copy_ = 0;  //
  // Of the segments so far, from changed positions: what is attended to [copies, n_heads, d_model] and how much
  // [copies, n_heads, 1]; from those before: z [copies, n_heads, d_head].
  std::vector<at::Tensor> attended_, attention_, z_before_;
};

}  // namespace circuitd
