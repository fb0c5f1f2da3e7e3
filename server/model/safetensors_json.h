// A safetensors header's JSON, read without regard to the file it belongs to.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/safetensors_header.h"

namespace circuitd {

// FAILED_PRECONDITION, naming `label` and the tensor, for text that is not the format's JSON, has a key twice, or
// exceeds kMaxSafetensorsTensors or kMaxSafetensorsRank. dtypes and sizes are as the text says. Thread-safe.
absl::StatusOr<SafetensorsHeader> ReadSafetensorsHeader(absl::string_view text, absl::string_view label);

}  // namespace circuitd
