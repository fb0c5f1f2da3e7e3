// Charts of how a circuit was found.
#pragma once

#include "server/report/report.h"
#include "server/report/report_json.h"

namespace circuitd {

// A list of charts, empty where nothing is known. Of node pruning the score; of decisions about edges what they
// compared, and of ACDC the metric, too; of scored edges the sizes of all scores by their rank.
ReportJson CircuitCharts(const ReportedCircuit& circuit);

}  // namespace circuitd
