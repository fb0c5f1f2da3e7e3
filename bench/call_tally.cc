#include "bench/call_tally.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace circuitd {

void CallTally::Count(const std::string& call, const absl::Status& status, bool asked_for) {
  constexpr size_t kExamples = 10;
  MutexLock lock(mutex_);
  ++calls_;
  ++counts_[call][absl::StatusCodeToString(status.code())];
  if (asked_for) return;
  ++errors_;
  if (examples_.size() < kExamples) examples_.push_back(absl::StrCat(call, ": ", status.ToString()));
}

int CallTally::calls() const {
  MutexLock lock(mutex_);
  return calls_;
}

int CallTally::errors() const {
  MutexLock lock(mutex_);
  return errors_;
}

std::string CallTally::Table() const {
  MutexLock lock(mutex_);
  std::string table;
  for (const auto& [call, statuses] : counts_) {
    absl::StrAppendFormat(&table, "  %-34s", call);
    for (const auto& [status, count] : statuses) absl::StrAppend(&table, " ", status, " ", count);
    absl::StrAppend(&table, "\n");
  }
  for (const std::string& example : examples_) absl::StrAppend(&table, "  not asked for: ", example, "\n");
  return table;
}

}  // namespace circuitd
