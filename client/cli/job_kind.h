// What is the same of jobs of every kind.
#pragma once

#include <string>

#include "circuitd/v1/job.pb.h"

namespace circuitd::client {

// The command that submits such a job: "prune", "edges", "acdc", "eap", "eval"; empty for one that is not known here.
std::string KindName(const v1::JobSpec& spec);

std::string ModelOf(const v1::JobSpec& spec);

// The generated task that its prompts are of, or empty; of an evaluation, which may have several, "eval".
std::string TaskOf(const v1::JobSpec& spec);

// "decision", or "step" of a job that takes none.
std::string StepNoun(const v1::JobSpec& spec);

}  // namespace circuitd::client
