// The ACDC job.
#pragma once

#include "server/service/job_kinds.h"

namespace circuitd {

// Events are EdgeDecisions, the result is an EdgeCircuitResult, with the files of circuit_files.h.
const JobKind& AcdcKind();

}  // namespace circuitd
