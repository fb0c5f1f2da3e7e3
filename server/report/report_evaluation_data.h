// An evaluation as a report's data has it.
#pragma once

#include "server/report/report.h"
#include "server/report/report_json.h"

namespace circuitd {

// "evaluation" (report_data.h); null where there is none.
ReportJson EvaluationData(const ReportContent& content);

}  // namespace circuitd
