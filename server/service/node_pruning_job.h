// The node-pruning job: from its spec to decisions as events, to a result and artifacts.
#pragma once

#include "server/service/job_kinds.h"

namespace circuitd {

// Events are PruningDecisions, the result is a NodePruningResult.
const JobKind& NodePruningKind();

}  // namespace circuitd
