// The lines of uploaded prompt files, parsed but not tokenized.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/tasks/prompt_tokens.h"

namespace circuitd {

// Far more than a prompt for any model needs, and little enough that parsing a hostile line costs nothing to speak of.
inline constexpr size_t kMaxLineBytes = 1 << 20;
inline constexpr size_t kMaxPromptIds = 1 << 16;
inline constexpr size_t kMaxAnswers = 1000;

// A line of a file that lives elsewhere.
struct NumberedLine {
  int64_t number = 0;  // from 1, blank lines counted
  absl::string_view text;
};

// Goes through a file's lines that are not blank. Keeps nothing of them, as there may be many. Not thread-safe.
class LineReader {
 public:
  // `jsonl` outlives the reader.
  explicit LineReader(absl::string_view jsonl) : rest_(jsonl) {}

  // Nullopt at the end.
  std::optional<NumberedLine> Next();

 private:
  absl::string_view rest_;
  int64_t number_ = 0;  // of the line that was read last
};

// How many lines are not blank.
size_t CountLines(absl::string_view jsonl);

// {"clean", "corrupted", "correct", "incorrect"} and perhaps "roles": {"last_member": 14}
struct PairLine {
  PromptInput clean;
  PromptInput corrupted;
  std::vector<AnswerInput> correct;
  std::vector<AnswerInput> incorrect;
  PromptRoles roles;  // of the clean prompt; not yet known to be below its length
};

// {"text", "corr", "incorr"}
struct PublishedLine {
  std::string text;
  std::string correct;
  std::string incorrect;
};

// INVALID_ARGUMENT "line 7: what", naming the key, or the byte of malformed UTF-8, or the bound that is exceeded.
// Thread-safe.
absl::StatusOr<PairLine> ParsePairLine(const NumberedLine& line);
absl::StatusOr<PublishedLine> ParsePublishedLine(const NumberedLine& line);

// `status` with "line 7: " in front of its message.
absl::Status AtLine(const NumberedLine& line, const absl::Status& status);

}  // namespace circuitd
