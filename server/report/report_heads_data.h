// What heads look at and write, as a report's data has it.
#pragma once

#include <vector>

#include "server/report/report.h"
#include "server/report/report_json.h"

namespace circuitd {

// A list of sets of prompts (report_data.h).
ReportJson HeadsData(const std::vector<HeadDetails>& sets, const ModelConfig& config);

}  // namespace circuitd
