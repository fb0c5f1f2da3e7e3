// What the sequence-continuation tasks consist of: their sequences, and their variants' verbs and words.
#pragma once

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace circuitd {

// "numerals", "numwords" and "months", in this order. Thread-safe.
const std::vector<std::string>& SequenceTaskNames();

// The sequence of a task, 12 members: "1" … "12", "one" … "twelve", "January" … "December". Null for other names.
// Thread-safe.
const std::vector<std::string>* FindSequence(absl::string_view task);

// "{Word} {verb} in {member}."
struct SequenceVariant {
  std::string name;
  std::string verb;
  const std::vector<std::string>& words;
};

// "done", "lost" and "names", in this order. Thread-safe.
const std::vector<SequenceVariant>& SequenceVariants();

}  // namespace circuitd
