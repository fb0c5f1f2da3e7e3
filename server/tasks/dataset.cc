// Checks an uploaded prompt file, before any model is known.
#include "absl/status/status.h"
#include "base/status.h"
#include "server/tasks/prompt_lines.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

absl::StatusOr<int64_t> ValidateDataset(DatasetFormat format, absl::string_view jsonl) {
  int64_t count = 0;
  LineReader lines(jsonl);
  for (std::optional<NumberedLine> line; (line = lines.Next()); ++count) {
    switch (format) {
      case DatasetFormat::kPairs:
        RETURN_IF_ERROR(ParsePairLine(*line).status());
        break;
      case DatasetFormat::kPublished:
        RETURN_IF_ERROR(ParsePublishedLine(*line).status());
        break;
    }
  }
  if (count == 0) return absl::InvalidArgumentError("the file has no prompts");
  return count;
}

}  // namespace circuitd
