// What heads' OV circuits write, by their weights alone (arXiv 2311.04131, section 4).
#pragma once

#include <ATen/ATen.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/model/gpt2.h"

namespace circuitd {

// What a layer's heads write when they read `rows` [positions, d_model] of the residual stream, which go through ln1,
// W_V with b_V, and W_O, without b_O: [positions, n_heads, d_model]. Torch's exceptions go through, as below.
at::Tensor OvWritten(const Gpt2& network, int layer, const at::Tensor& rows);

// written [rows, d_model], row i being of prompts[i], through ln_final and W_U: [rows, d_vocab] float32.
// FAILED_PRECONDITION, naming the prompt, if they are not finite.
absl::StatusOr<at::Tensor> OvLogits(const Gpt2& network, const at::Tensor& written, absl::Span<const size_t> prompts);

// How many rows go through OvLogits at once: bounded by memory, and by the time until others get their turn.
int64_t OvRowsAtOnce(const Gpt2& network, int64_t budget_bytes);

// What so many rows take: their logits in the model's dtype and in float32, and five comparisons of them.
int64_t OvLogitsBytes(const ModelConfig& config, int64_t rows);

}  // namespace circuitd
