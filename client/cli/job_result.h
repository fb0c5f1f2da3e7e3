// Shows what a job has found.
#pragma once

#include <cstddef>

#include "circuitd/v1/job.pb.h"
#include "client/cli/command.h"

namespace circuitd::client {

// A summary of a job that has succeeded, for people: on standard output. `top`: see AddEvaluation.
void PrintResult(CommandContext& context, const v1::Job& job, size_t top);

}  // namespace circuitd::client
