// Where circuits and evaluations come from, as people read it.
#pragma once

#include "server/report/report.h"
#include "server/report/report_json.h"

namespace circuitd {

// Lists of pairs of a name and a text; what is not known is left out.
ReportJson CircuitFacts(const CircuitDocument& document);
ReportJson EvaluationFacts(const LoggedEvaluation& evaluation);

}  // namespace circuitd
