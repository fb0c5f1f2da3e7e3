// Which requests' prompts are worth a common batch. Without torch.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "server/model/config.h"
#include "server/model/micro_batch_limits.h"

namespace circuitd {

// What a request takes of a micro-batch, or several together.
struct BatchShare {
  int64_t prompts = 0;
  int64_t longest = 0;      // tokens of a prompt
  double flops = 0;         // of the prompts without padding
  MicroBatchLimits limits;  // that all are within
  // Whether passes of its own come first, for which those that run with it would have to wait.
  bool prepares = false;
};

BatchShare ShareOf(const ModelConfig& config, const std::vector<std::vector<int>>& prompts,
                   const MicroBatchLimits& limits);

// Both together, each made for a budget of `budget_bytes`; nullopt if that is more than one micro-batch, if padding the
// shorter prompts to the longer ones' length would cost more than a pass of its own saves, or if one of them prepares.
std::optional<BatchShare> Together(const ModelConfig& config, const BatchShare& a, const BatchShare& b,
                                   int64_t budget_bytes);

}  // namespace circuitd
