// Integrated gradients over inputs: Hanna, Pezzelle and Belinkov 2024 (arXiv 2403.17806), section 3.
#include "base/status.h"
#include "server/circuit/attribution/attribution_batch.h"

namespace circuitd {

absl::StatusOr<at::Tensor> EapIgInputsSums(const AttributionBatch& batch, int steps) {
  at::Tensor sums = NoEffects(batch);
  for (int k = 0; k < steps; ++k) {
    // Rank 0 is embed's, whose outside value is the corrupted prompt's embedding.
    const at::Tensor embedding = Interpolated(batch, /*begin=*/0, /*count=*/1, static_cast<double>(k) / steps);
    RETURN_IF_ERROR(AddRunEffects(batch, embedding, std::nullopt, sums));
  }
  return sums.div_(steps);
}

}  // namespace circuitd
