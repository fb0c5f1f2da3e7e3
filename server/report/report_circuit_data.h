// A circuit as a report's data has it.
#pragma once

#include "server/report/report.h"
#include "server/report/report_json.h"

namespace circuitd {

// An entry of "circuits" (report_data.h).
ReportJson CircuitData(const ReportedCircuit& circuit);

}  // namespace circuitd
