#include "server/service/speed_meter.h"

#include "server/model/forward_flops.h"

namespace circuitd {

void SpeedMeter::Add(const std::string& device, double flops, double seconds) {
  // Shorter ones measure the calls' overhead more than the device.
  constexpr double kShortestSeconds = 1e-3;
  constexpr double kWeightOfNew = 0.3;
  if (!(seconds >= kShortestSeconds) || !(flops > 0)) return;
  MutexLock lock(mutex_);
  const double speed = flops / seconds;
  const auto [entry, first] = speeds_.try_emplace(device, speed);
  if (!first) entry->second += kWeightOfNew * (speed - entry->second);
}

std::optional<double> SpeedMeter::Get(const std::string& device) const {
  MutexLock lock(mutex_);
  const auto entry = speeds_.find(device);
  if (entry == speeds_.end()) return std::nullopt;
  return entry->second;
}

double ForwardFlops(const ModelConfig& config, const std::vector<std::vector<int>>& prompts) {
  double flops = 0;
  for (const std::vector<int>& prompt : prompts) flops += ForwardFlops(config, 1, static_cast<int64_t>(prompt.size()));
  return flops;
}

}  // namespace circuitd
