// Times of many calls of one kind.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "absl/time/time.h"

namespace circuitd {

// Not thread-safe.
class Latencies {
 public:
  void Add(absl::Duration time) { times_.push_back(time); }
  void Add(const Latencies& other) { times_.insert(times_.end(), other.times_.begin(), other.times_.end()); }
  size_t size() const { return times_.size(); }

  // The time that `share` (0 to 1) of the calls don't exceed, in milliseconds; 0 if there are none.
  double Milliseconds(double share) const {
    if (times_.empty()) return 0;
    std::vector<absl::Duration> times = times_;
    std::sort(times.begin(), times.end());
    const double place = share * static_cast<double>(times.size());
    const size_t index = place <= 1 ? 0 : static_cast<size_t>(place + 0.999999) - 1;
    return absl::ToDoubleMilliseconds(times[std::min(index, times.size() - 1)]);
  }

 private:
  std::vector<absl::Duration> times_;
};

}  // namespace circuitd
