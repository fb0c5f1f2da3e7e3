// What a finished job found, for people.
#pragma once

#include <string>

#include "circuitd/v1/circuit.pb.h"
#include "circuitd/v1/job.pb.h"

namespace circuitd::client {

// Score, size and the circuit's nodes, a line for each layer, the last layer first.
std::string PruningSummary(const v1::NodePruningResult& result);

// Size and metric of a circuit of edges.
std::string EdgeCircuitSummary(const v1::EdgeCircuitResult& result);

// What a job that has succeeded found, in a few words: "score 81.00 %, 26 nodes".
std::string ResultLine(const v1::Job& job);

// What a job would cost.
std::string CostSummary(const v1::CostEstimate& estimate, const v1::JobSpec& spec);

// "jobs/7 failed: RESOURCE_EXHAUSTED: …" for a job that did not succeed.
std::string FailureText(const v1::Job& job);

}  // namespace circuitd::client
