// How fast the devices compute: what cost estimates are made from. Measured on calls' forward passes, and on some of a
// job's prompts before there were any; not on jobs, since how much they compute is their algorithm's business.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "server/model/config.h"

namespace circuitd {

// Thread-safe.
class SpeedMeter {
 public:
  // `device` made `flops` floating-point operations in `seconds`. Too short pieces of work are passed over.
  void Add(const std::string& device, double flops, double seconds);
  // Operations a second; nullopt before the first measurement.
  std::optional<double> Get(const std::string& device) const;

 private:
  mutable Mutex mutex_;
  std::map<std::string, double> speeds_ GUARDED_BY(mutex_);
};

// Floating-point operations of one forward pass over `prompts` that unembeds their last positions.
double ForwardFlops(const ModelConfig& config, const std::vector<std::vector<int>>& prompts);

}  // namespace circuitd
