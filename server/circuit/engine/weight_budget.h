// How much memory copies of weights may take.
#pragma once

#include <cstdint>

namespace circuitd {

// Not thread-safe.
class WeightBudget {
 public:
  explicit WeightBudget(int64_t bytes) : left_(bytes) {}

  // False, and nothing is taken, if there is no room for so many.
  bool Take(int64_t bytes) {
    if (bytes > left_) return false;
    left_ -= bytes;
    return true;
  }
  void GiveBack(int64_t bytes) { left_ += bytes; }

 private:
  int64_t left_;
};

}  // namespace circuitd
