#include "server/readings/extended_embedding.h"

#include "base/status.h"

namespace circuitd {

absl::StatusOr<at::Tensor> ExtendedEmbedding(const Gpt2& network, const std::vector<std::vector<int>>& all_prompts,
                                             MicroBatch batch, absl::Span<const PromptPosition> positions) {
  const PaddedPrompts padded = Pad(Rows(all_prompts, batch), network.device());
  const at::Tensor residual = network.RunLayers(network.Embed(padded.tokens), 0, 1);  // [batch, pos, d_model]
  const at::Tensor rows = RowsAt(residual, positions, batch.begin);                   // [positions, d_model]
  std::vector<size_t> prompts;
  for (const PromptPosition& position : positions) prompts.push_back(position.prompt);
  RETURN_IF_ERROR(CheckRowsFinite(rows, prompts, "the model's activations after layer 0"));
  return rows;
}

MicroBatchLimits ExtendedEmbeddingLimits(const Gpt2& network, int64_t budget_bytes) {
  MicroBatchLimits limits = LimitsFor(network.device(), network.dtype(), budget_bytes);
  // Rows in the model's dtype, and, to be added up, in float64.
  limits.extra_bytes_per_token = network.config().d_model * (limits.element_size + int64_t{sizeof(double)});
  return limits;
}

}  // namespace circuitd
