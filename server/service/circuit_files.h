// The files of jobs that find circuits.
#pragma once

#include <vector>

#include "server/graph/circuit_document.h"
#include "server/jobs/store/job.h"
#include "server/service/job_plan.h"

namespace circuitd {

// A document that says where the plan's circuit comes from: all but the circuit, its scores, parameters and results.
CircuitDocument NewDocument(const JobPlan& plan);

// circuit.json, circuit.dot, circuit.svg, circuit.graphml, seqcont.json; with scores, eap.json.
std::vector<ArtifactFile> CircuitFiles(const CircuitDocument& document);

}  // namespace circuitd
