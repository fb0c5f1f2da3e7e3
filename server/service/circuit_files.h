// The files of jobs that find circuits.
#pragma once

#include <string>

#include "server/graph/circuit_document.h"
#include "server/service/job_plan.h"

namespace circuitd {

// A document that says where the plan's circuit comes from: all but the circuit, its scores, parameters and results.
CircuitDocument NewDocument(const JobPlan& plan);

// The outcome of a job that has found this circuit, with circuit.json, circuit.dot, circuit.svg, circuit.graphml,
// seqcont.json; with scores, eap.json.
PlanOutcome CircuitOutcome(std::string result, const CircuitDocument& document);

}  // namespace circuitd
