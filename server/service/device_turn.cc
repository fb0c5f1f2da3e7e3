#include "server/service/device_turn.h"

#include <utility>

#include "server/jobs/device_pool.h"
#include "server/service/server_options.h"
#include "server/service/speed_meter.h"
#include "server/telemetry/metrics.h"

namespace circuitd {

DeviceTurn::DeviceTurn(const ServerParts& parts, const Model& model, const CallControl& control)
    : parts_(parts), model_(model), control_(&control), lets_in_(true) {}

DeviceTurn::DeviceTurn(const ServerParts& parts, const Model& model)
    : parts_(parts), model_(model), control_(nullptr), lets_in_(false) {}

ForwardOptions DeviceTurn::Options() {
  return {parts_.options.memory_budget_bytes, [this] {
            Pause();
            if (std::exchange(lets_in_, true)) parts_.devices.Worker(model_.device()).RunWaitingCalls();
            start_ = Clock::now();
            return control_ != nullptr ? control_->Check() : absl::OkStatus();
          }};
}

double DeviceTurn::Stop(double flops) {
  Pause();
  parts_.metrics.ForwardSeconds(seconds_);
  parts_.speed.Add(model_.device(), flops, seconds_);
  return seconds_;
}

}  // namespace circuitd
