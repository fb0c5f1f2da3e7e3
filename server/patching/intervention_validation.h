// Checks of an intervention that need no prompts.
#pragma once

#include "absl/status/status.h"
#include "server/model/config.h"
#include "server/patching/intervention.h"

namespace circuitd {

// INVALID_ARGUMENT, naming the field of the intervention, for what is wrong in whatever prompt it applies: the hook
// point, heads, key positions, numbers, tensors that are none.
absl::Status ValidateIntervention(const ModelConfig& config, const Intervention& intervention);

}  // namespace circuitd
