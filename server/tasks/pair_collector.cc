// The pairs of a job while they are made, bounded in memory.
#include "server/tasks/pair_collector.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd {

absl::Status PairCollector::Add(PromptPair pair, absl::string_view field) {
  tokens_ +=
      static_cast<int64_t>(pair.clean.size() + pair.corrupted.size() + pair.correct.size() + pair.incorrect.size());
  if (tokens_ > max_tokens_) {
    return InvalidField(field, absl::StrCat("the first ", pairs_.size() + 1, " pairs have ", tokens_,
                                            " tokens, answers included; a job has at most ", max_tokens_));
  }
  pairs_.push_back(std::move(pair));
  return absl::OkStatus();
}

}  // namespace circuitd
