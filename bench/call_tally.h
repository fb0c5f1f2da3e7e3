// How calls ended: how often which call had which status, and those that should not have had it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "base/mutex.h"

namespace circuitd {

// Thread-safe.
class CallTally {
 public:
  // `asked_for`: the status is one that the caller had in mind.
  void Count(const std::string& call, const absl::Status& status, bool asked_for) EXCLUDES(mutex_);

  int calls() const EXCLUDES(mutex_);
  int errors() const EXCLUDES(mutex_);
  // A line for each call, its statuses behind it; then the first errors in full.
  std::string Table() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::map<std::string, std::map<std::string, int>> counts_ GUARDED_BY(mutex_);
  int calls_ GUARDED_BY(mutex_) = 0;
  int errors_ GUARDED_BY(mutex_) = 0;
  std::vector<std::string> examples_ GUARDED_BY(mutex_);
};

}  // namespace circuitd
