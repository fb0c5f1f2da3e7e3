// Files on this machine that a report is made of.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "server/report/report_files.h"

namespace circuitd::client {

// What a job left in the folder; `path` may be its circuit.json or evaluation.json, too, which then is the one that
// counts, or any other file of a circuit or an evaluation, which then is alone; "-" is one on standard input. Without a
// label. Errors as ReadFile, and INVALID_ARGUMENT for a folder that has neither.
absl::StatusOr<ReportFolder> ReadReportSource(const std::string& path);

// Of a circuit's file that was read: with what is beside it, if the path is a folder or its circuit.json.
absl::StatusOr<ReportFolder> ReportSourceOfCircuit(const std::string& path, const std::string& bytes);

// Of a folder with evaluation.json.
absl::StatusOr<ReportFolder> ReadEvaluationSource(const std::string& folder);

// Whether what is at the path is a folder's: its content says what it is called.
bool NamesAFolder(const std::string& path);

}  // namespace circuitd::client
