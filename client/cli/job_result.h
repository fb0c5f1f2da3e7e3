// Shows what a job has found.
#pragma once

#include "circuitd/v1/job.pb.h"
#include "client/cli/command.h"

namespace circuitd::client {

// A summary of a job that has succeeded, for people: on standard output.
void PrintResult(CommandContext& context, const v1::Job& job);

}  // namespace circuitd::client
