// The way of a call that needs a model: load it if need be, prepare on a thread of the host, run on the device.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/jobs/device_worker.h"
#include "server/jobs/joint_work.h"
#include "server/model/model.h"
#include "server/service/call_control.h"
#include "server/service/server_parts.h"

namespace circuitd {

using Done = std::function<void(const absl::Status&)>;

// Runs `work` on `worker`, or drops it if the call's client is gone; then calls `done` once, whatever happens.
void RunOn(DeviceWorker& worker, const std::shared_ptr<CallControl>& control, std::function<absl::Status()> work,
           Done done);

// The same, but after a success of `work` it is up to that to call `done` (it has passed it on).
void RunStageOn(DeviceWorker& worker, const std::shared_ptr<CallControl>& control, std::function<absl::Status()> work,
                Done done);

// What is longer than this on the device is long: a few micro-batches.
inline constexpr double kLongSeconds = 1;

// What is left to do on the device.
struct DeviceWork {
  // That it takes, roughly. What takes long doesn't run while another call waits for it to end: it would hold up that
  // call and everybody else.
  double seconds = 0;
  std::function<absl::Status()> run;
  std::shared_ptr<JointWork> joint = nullptr;  // instead of `run`; neither: there is nothing to do
};
using Prepare = std::function<absl::StatusOr<DeviceWork>(std::shared_ptr<const Model>)>;

// What a call has to expect of itself.
struct CallRoute {
  // Preparing it takes seconds, not milliseconds: it does so where models are loaded, and holds up no quick call.
  bool slow_to_prepare = false;
};

// Finds or loads the model, calls `prepare` with it off the gRPC and device threads, runs what that returns on the
// model's device, and calls `done` once. Errors about the model name the field "model".
void RunWithModel(const ServerParts& parts, const std::shared_ptr<CallControl>& control, const std::string& model,
                  const CallRoute& route, Prepare prepare, Done done);

}  // namespace circuitd
