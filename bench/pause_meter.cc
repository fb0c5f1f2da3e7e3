#include "bench/pause_meter.h"

#include <algorithm>

#include "absl/status/status.h"

namespace circuitd {
namespace {

// `seconds` not empty.
nlohmann::json Distribution(std::vector<double> seconds) {
  std::sort(seconds.begin(), seconds.end());
  return {{"median", seconds[seconds.size() / 2]},
          {"p99", seconds[seconds.size() * 99 / 100]},
          {"longest", seconds.back()}};
}

}  // namespace

Checkpoint PauseMeter::checkpoint() {
  return [this] {
    End();
    return absl::OkStatus();
  };
}

nlohmann::json PauseMeter::Take() {
  End();
  const std::vector<double> wall = std::exchange(wall_, {}), cpu = std::exchange(cpu_, {});
  return {{"stretches", wall.size()}, {"wall", Distribution(wall)}, {"cpu", Distribution(cpu)}};
}

void PauseMeter::End() {
  wall_.push_back(watch_.wall_seconds());
  cpu_.push_back(watch_.cpu_seconds());
  watch_.Restart();
}

}  // namespace circuitd
