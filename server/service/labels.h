// What tables and pictures call circuits and tasks.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// A label of a request: at most 63 bytes, without control characters (document_text.h). INVALID_ARGUMENT names "label".
absl::Status ValidateLabel(const std::string& label);

// The name of the task, if a prompt source that was written as JSON names one; else empty. Cut where it is longer than
// labels are.
std::string LabelOfPrompts(absl::string_view prompts_json);

}  // namespace circuitd
