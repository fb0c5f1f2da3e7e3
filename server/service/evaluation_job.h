// The evaluation job.
#pragma once

#include "server/service/job_kinds.h"

namespace circuitd {

// Events are EvaluationSteps, the result is an EvaluationResult, with evaluation.json, and
// the judged circuits as circuit-0.json, circuit-1.json, …
const JobKind& EvaluationKind();

}  // namespace circuitd
