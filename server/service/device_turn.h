// A call's turn on its model's device: lets others in between two forward passes, and times the call's own work.
#pragma once

#include <chrono>

#include "absl/status/status.h"
#include "server/model/forward.h"
#include "server/model/model.h"
#include "server/service/call_control.h"
#include "server/service/server_parts.h"

namespace circuitd {

// Lives on the device's worker.
class DeviceTurn {
 public:
  DeviceTurn(const ServerParts& parts, const Model& model, const CallControl& control);
  // The turn of calls that run together: its checkpoint never fails. Who waits when it begins comes later than all of
  // them, and is let in after a pass, not before the first.
  DeviceTurn(const ServerParts& parts, const Model& model);
  DeviceTurn(const DeviceTurn&) = delete;
  DeviceTurn& operator=(const DeviceTurn&) = delete;

  // For the run; this outlives it. Its checkpoint fails once the call's client is gone or its deadline has passed.
  ForwardOptions Options();

  // Seconds of this call's own work until now, in which the device made `flops` (0: unknown). Once, at the end.
  double Stop(double flops = 0);

 private:
  using Clock = std::chrono::steady_clock;

  void Pause() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }

  const ServerParts& parts_;
  const Model& model_;
  const CallControl* const control_;  // null: of several
  bool lets_in_;
  double seconds_ = 0;
  Clock::time_point start_ = Clock::now();
};

}  // namespace circuitd
