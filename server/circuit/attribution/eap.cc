// Edge attribution patching: Syed, Rager and Conmy 2023 (arXiv 2310.10348), section 3.
#include "base/status.h"
#include "server/circuit/attribution/attribution_batch.h"

namespace circuitd {

absl::StatusOr<at::Tensor> EapSums(const AttributionBatch& batch) {
  at::Tensor sums = NoEffects(batch);
  RETURN_IF_ERROR(AddRunEffects(batch, batch.network.Embed(batch.clean.tokens), std::nullopt, sums));
  return sums;
}

}  // namespace circuitd
