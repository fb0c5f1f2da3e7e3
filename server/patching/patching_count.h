// Counts patched runs for a progress callback, in a loop over micro-batches that may be tried again.
#pragma once

#include <cstdint>

#include "server/patching/patching_sweep.h"

namespace circuitd {

// Patched runs are counted in the prompts they are over; the callback hears of whole runs over all prompts, and of more
// each time. Not thread-safe.
class PatchingCount {
 public:
  // `progress` may be empty; it has to outlive this.
  PatchingCount(uint64_t runs_total, uint64_t prompts, const PatchingProgress& progress)
      : runs_total_(runs_total), prompts_(prompts), progress_(progress) {}

  // A micro-batch begins, maybe for another time.
  void Begin() { attempt_ = 0; }

  // `runs` patched runs over `prompts` prompts each.
  void Add(uint64_t runs, uint64_t prompts) {
    attempt_ += runs * prompts;
    const uint64_t runs_done = (done_ + attempt_) / prompts_;
    if (runs_done <= reported_) return;
    reported_ = runs_done;
    if (progress_) progress_(runs_done, runs_total_);
  }

  // The micro-batch is done.
  void Commit() {
    done_ += attempt_;
    attempt_ = 0;
  }

 private:
  const uint64_t runs_total_;
  const uint64_t prompts_;
  const PatchingProgress& progress_;
  uint64_t done_ = 0;
  uint64_t attempt_ = 0;
  uint64_t reported_ = 0;
};

}  // namespace circuitd
