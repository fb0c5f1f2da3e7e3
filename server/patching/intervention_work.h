// How long interventions keep the device's worker busy.
#pragma once

#include <cstdint>

#include "server/model/gpt2.h"
#include "server/patching/patched_run.h"

namespace circuitd {

// What a request's interventions take in one prompt of `length` tokens, at most and about, in operations that a forward
// pass does in the same time. Of a validated request.
double InterventionFlops(const Gpt2& network, const PatchedRunRequest& request, int64_t length);

}  // namespace circuitd
