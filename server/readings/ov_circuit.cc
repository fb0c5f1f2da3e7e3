#include "server/readings/ov_circuit.h"

#include <algorithm>

#include "base/status.h"
#include "server/model/layer_parts.h"
#include "server/model/micro_batch.h"
#include "server/readings/activation_rows.h"

namespace circuitd {

at::Tensor OvWritten(const Gpt2& network, int layer, const at::Tensor& rows) {
  const BlockWeights& w = network.weights().blocks[layer];
  const int64_t d_model = network.config().d_model, d_head = network.config().d_head;
  const int64_t heads = network.config().n_heads;
  const at::Tensor v = at::addmm(w.attn_bias.narrow(0, 2 * d_model, d_model), Ln1(network, layer, rows),
                                 w.attn_weight.narrow(1, 2 * d_model, d_model));  // [positions, d_model]
  const at::Tensor o = w.o_weight.view({heads, d_head, d_model});
  return at::einsum("phd,hdm->phm", {v.view({-1, heads, d_head}), o});
}

absl::StatusOr<at::Tensor> OvLogits(const Gpt2& network, const at::Tensor& written, absl::Span<const size_t> prompts) {
  at::Tensor logits = network.Unembed(written).to(at::kFloat);
  RETURN_IF_ERROR(CheckRowsFinite(logits, prompts, "the logits of what heads write"));
  return logits;
}

int64_t OvRowsAtOnce(const Gpt2& network, int64_t budget_bytes) {
  constexpr int64_t kMost = 4096;
  const MicroBatchLimits limits = LimitsFor(network.device(), network.dtype(), budget_bytes);
  const double flops_per_row = 2.0 * network.config().d_vocab * network.config().d_model;
  const int64_t in_time = static_cast<int64_t>(std::min<double>(kMost, limits.max_flops / flops_per_row));
  return std::clamp<int64_t>(std::min(budget_bytes / OvLogitsBytes(network.config(), 1), in_time), 1, kMost);
}

int64_t OvLogitsBytes(const ModelConfig& config, int64_t rows) {
  return rows * config.d_vocab * (2 * int64_t{sizeof(float)} + 5);
}

}  // namespace circuitd
