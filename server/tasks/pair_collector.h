// The pairs of a job while they are made, bounded in memory.
#pragma once

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

// Not thread-safe.
class PairCollector {
 public:
  // `max_tokens`: of prompts and answers of all pairs together.
  explicit PairCollector(int64_t max_tokens) : max_tokens_(max_tokens) {}

  // INVALID_ARGUMENT "field: what", naming the bound, if the pairs have more tokens then.
  absl::Status Add(PromptPair pair, absl::string_view field);

  PromptPairs Take() { return std::move(pairs_); }

 private:
  const int64_t max_tokens_;
  int64_t tokens_ = 0;
  PromptPairs pairs_;
};

}  // namespace circuitd
