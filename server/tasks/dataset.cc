// Checks an uploaded prompt file, before any model is known.
#include "absl/status/status.h"
#include "base/status.h"
#include "server/tasks/prompt_lines.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

absl::StatusOr<int64_t> ValidateDataset(DatasetFormat format, absl::string_view jsonl) {
  const std::vector<NumberedLine> lines = SplitLines(jsonl);
  if (lines.empty()) return absl::InvalidArgumentError("the file has no prompts");
  for (const NumberedLine& line : lines) {
    switch (format) {
      case DatasetFormat::kPairs:
        RETURN_IF_ERROR(ParsePairLine(line).status());
        break;
      case DatasetFormat::kPublished:
        RETURN_IF_ERROR(ParsePublishedLine(line).status());
        break;
    }
  }
  return static_cast<int64_t>(lines.size());
}

}  // namespace circuitd
