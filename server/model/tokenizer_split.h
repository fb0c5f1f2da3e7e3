// GPT-2's pre-tokenization: the regular expression that cuts a text into the words that BPE works on.
#pragma once

#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// Immutable and thread-safe.
class PreTokenizer {
 public:
  static absl::StatusOr<std::unique_ptr<PreTokenizer>> Create();
  ~PreTokenizer();
  PreTokenizer(const PreTokenizer&) = delete;
  PreTokenizer& operator=(const PreTokenizer&) = delete;

  // Calls `word` with the pieces of `text`, which must be well-formed UTF-8, in order; together they are `text`.
  // RESOURCE_EXHAUSTED when a limit of PCRE2 is hit, INTERNAL for its other errors; some words may have been handed
  // over by then.
  absl::Status Split(absl::string_view text, absl::FunctionRef<void(absl::string_view)> word) const;

 private:
  struct Code;
  explicit PreTokenizer(std::unique_ptr<Code> code);
  const std::unique_ptr<Code> code_;
};

}  // namespace circuitd
