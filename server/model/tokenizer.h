// GPT-2's byte-level BPE (Radford et al. 2019, section 2.2), from vocab.json and merges.txt or from tokenizer.json.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// Immutable and thread-safe.
class Tokenizer {
 public:
  // Reads the tokenizer files in `folder`. NOT_FOUND if there are none; FAILED_PRECONDITION, naming file and entry, if
  // they are not a byte-level BPE that this class reproduces.
  static absl::StatusOr<std::unique_ptr<Tokenizer>> Load(const std::string& folder);

  virtual ~Tokenizer() = default;

  // The ids of `text`, nothing prepended; "<|endoftext|>" is one token. INVALID_ARGUMENT, naming the byte, if `text` is
  // not UTF-8.
  virtual absl::StatusOr<std::vector<int>> Encode(absl::string_view text) const = 0;

  // The bytes of a token, not necessarily whole characters; empty for ids that are no token.
  virtual std::string TokenBytes(int id) const = 0;

  // One more than the largest id.
  virtual int size() const = 0;
};

}  // namespace circuitd
