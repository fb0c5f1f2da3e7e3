// How long a run leaves others waiting: the time between its checkpoints.
#pragma once

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "base/checkpoint.h"
#include "bench/measure.h"

namespace circuitd {

// Not thread-safe.
class PauseMeter {
 public:
  // One that never fails, and that this outlives.
  Checkpoint checkpoint();

  // Ends the stretch that is under way, and returns what was measured since the last call: how many stretches there
  // were, and of their seconds on the clock ("wall") and of all threads ("cpu") the median, the 99th of a hundred and
  // the most.
  nlohmann::json Take();

 private:
  void End();

  Stopwatch watch_;
  std::vector<double> wall_, cpu_;
};

}  // namespace circuitd
