// The lines of uploaded prompt files, parsed but not tokenized.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/tasks/prompt_tokens.h"

namespace circuitd {

// A line of a file that lives elsewhere.
struct NumberedLine {
  int64_t number = 0;  // from 1, blank lines counted
  absl::string_view text;
};

// The lines that are not blank.
std::vector<NumberedLine> SplitLines(absl::string_view jsonl);

// {"clean", "corrupted", "correct", "incorrect"}
struct PairLine {
  PromptInput clean;
  PromptInput corrupted;
  std::vector<AnswerInput> correct;
  std::vector<AnswerInput> incorrect;
};

// {"text", "corr", "incorr"}
struct PublishedLine {
  std::string text;
  std::string correct;
  std::string incorrect;
};

// INVALID_ARGUMENT "line 7: what", naming the key, or the byte of malformed UTF-8. Thread-safe.
absl::StatusOr<PairLine> ParsePairLine(const NumberedLine& line);
absl::StatusOr<PublishedLine> ParsePublishedLine(const NumberedLine& line);

// `status` with "line 7: " in front of its message.
absl::Status AtLine(const NumberedLine& line, const absl::Status& status);

}  // namespace circuitd
