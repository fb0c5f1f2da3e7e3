// What a patched run holds beside a forward pass's own activations.
#pragma once

#include <cstdint>

#include "server/model/gpt2.h"
#include "server/model/micro_batch.h"
#include "server/patching/hook_means.h"
#include "server/patching/patched_run.h"

namespace circuitd {

// The limits of a patched run's micro-batches: with room for what is kept of the source prompts, the values that
// interventions make, the capture and the metric, and with the interventions' work counted as the forward pass's.
MicroBatchLimits PatchedRunLimits(const Gpt2& network, const PatchedRunRequest& request, const HookMeans& means,
                                  int64_t budget_bytes);

}  // namespace circuitd
