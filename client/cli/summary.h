// What a finished job found, for people.
#pragma once

#include <string>

#include "circuitd/v1/circuit.pb.h"
#include "circuitd/v1/job.pb.h"

namespace circuitd::client {

// Score, size and the circuit's nodes, a line for each layer, the last layer first.
std::string PruningSummary(const v1::NodePruningResult& result);

// What a pruning job would cost.
std::string CostSummary(const v1::CostEstimate& estimate);

// "jobs/7 failed: RESOURCE_EXHAUSTED: …" for a job that did not succeed.
std::string FailureText(const v1::Job& job);

}  // namespace circuitd::client
