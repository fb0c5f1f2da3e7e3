// How a circuit was decided on, as a report's data has it.
#pragma once

#include "server/report/report.h"
#include "server/report/report_json.h"

namespace circuitd {

// Columns (report_data.h); null where there are no decisions.
ReportJson DecisionsData(const ReportedCircuit& circuit);

}  // namespace circuitd
