// Files of prompts in the layout published with arXiv 2311.04131.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd::client {

// The bytes of the files, as they are uploaded.
struct PublishedFiles {
  // One for each variant.
  std::vector<std::string> clean;
  std::string corrupted;
};

// Reads FOLDER/{task}_prompts_{variant}.jsonl for each variant (none: done, lost, names) and
// FOLDER/randDS_{task}.jsonl. The corrupted file holds a block of equal length for each of done, lost, names, in this
// order; for other variants their blocks are cut out. NOT_FOUND names a missing file; INVALID_ARGUMENT another variant,
// or a corrupted file that does not divide into three.
absl::StatusOr<PublishedFiles> ReadPublishedFolder(const std::string& folder, const std::string& task,
                                                   const std::vector<std::string>& variants);

// The lines of `corrupted` that belong to the variants, in the variants' order; blank lines do not count.
absl::StatusOr<std::string> CutCorrupted(absl::string_view corrupted, const std::vector<std::string>& variants);

}  // namespace circuitd::client
