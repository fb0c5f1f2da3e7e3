// The edge-attribution job.
#pragma once

#include "server/service/job_kinds.h"

namespace circuitd {

// Events are AttributionSteps, the result is an EdgeCircuitResult, with the files of circuit_files.h.
const JobKind& EdgeAttributionKind();

}  // namespace circuitd
