// What an evaluation has found, as tables.
#pragma once

#include <cstddef>

#include "circuitd/v1/job.pb.h"
#include "client/cli/report.h"

namespace circuitd::client {

// Rows of a table of drops unless it is asked for more.
inline constexpr size_t kEvaluationRows = 20;

// Of an evaluation that has succeeded, every circuit on every task: as grids, if there are several tasks, and in
// detail; then what it was asked for: each circuit's parts by what is lost without them (the `top` ones), knockouts,
// and curves, or a line where the server has these only in evaluation.json.
void AddEvaluation(const v1::Job& job, size_t top, Report& report);

}  // namespace circuitd::client
