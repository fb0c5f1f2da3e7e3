// The parts of a layer without hook points, on any rows of the residual stream: what whole runs are made of, and what
// they are continued with where not all rows changed.
#pragma once

#include <ATen/ATen.h>

#include "server/model/gpt2.h"

namespace circuitd {

// x [..., in] @ weight [in, out] + bias [out]. addmm takes two dimensions, and is one pass where matmul + add are two.
at::Tensor Affine(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// x [..., d_model] -> the same shape; weight, bias [d_model].
at::Tensor Normalize(const ModelConfig& config, const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias);

// Before attention, before the MLP: [..., d_model] -> the same shape.
at::Tensor Ln1(const Gpt2& network, int layer, const at::Tensor& residual);
at::Tensor Ln2(const Gpt2& network, int layer, const at::Tensor& residual);

// The MLP's activation function.
at::Tensor Activate(const ModelConfig& config, const at::Tensor& mlp_pre);

// What queries at positions from `first` to the last do not see: [pos - first, pos] bool.
at::Tensor FutureMask(int64_t first, int64_t pos, at::Device device);

// What q . k is multiplied with.
double AttentionScale(const ModelConfig& config, int layer);

// q [batch, rows, heads, d_head], k [batch, pos, heads, d_head] -> each head's scores [batch, heads, rows, pos], minus
// infinity in the `future` (bool, that broadcasts to this shape; undefined if nothing is). Any number of heads.
at::Tensor AttentionScores(const ModelConfig& config, int layer, const at::Tensor& q, const at::Tensor& k,
                           const at::Tensor& future);

// Their softmax: each head's attention, 0 in the future.
at::Tensor AttentionPattern(const ModelConfig& config, int layer, const at::Tensor& q, const at::Tensor& k,
                            const at::Tensor& future);

// pattern [batch, heads, rows, pos], v [batch, pos, heads, d_head] -> z [batch, rows, heads, d_head].
at::Tensor ZOf(const at::Tensor& pattern, const at::Tensor& v);

// The rows of W_O of one head: [d_head, d_model].
at::Tensor OutputWeight(const Gpt2& network, int layer, int head);

}  // namespace circuitd
