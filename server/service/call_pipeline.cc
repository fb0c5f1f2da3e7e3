#include "server/service/call_pipeline.h"

#include <memory>
#include <utility>

#include "base/status.h"
#include "server/jobs/device_pool.h"
#include "server/model/registry.h"
#include "server/service/model_error.h"

namespace circuitd {
namespace {

void Enqueue(DeviceWorker& worker, const std::shared_ptr<CallControl>& control, std::function<absl::Status()> work,
             Done accepted, const Done& refused) {
  const absl::Status status =
      worker.Enqueue({[control] { return control->Check(); }, std::move(work), std::move(accepted)});
  if (!status.ok()) refused(status);
}

void EnqueueOnDevice(DeviceWorker& device, const std::shared_ptr<CallControl>& control, DeviceWork work,
                     const Done& done) {
  const bool is_long = work.seconds > kLongSeconds;
  if (is_long && work.joint) work.run = [joint = std::move(work.joint)] { return joint->Run()[0]; };
  const absl::Status status = device.Enqueue(
      {[control] { return control->Check(); }, std::move(work.run), done, is_long, std::move(work.joint)});
  if (!status.ok()) done(status);
}

absl::Status RunPrepared(const ServerParts& parts, const std::shared_ptr<CallControl>& control,
                         std::shared_ptr<const Model> model, const Prepare& prepare, const Done& done) {
  DeviceWorker& device = parts.devices.Worker(model->device());
  ASSIGN_OR_RETURN(DeviceWork work, prepare(std::move(model)));
  if (!work.run && !work.joint) {
    done(absl::OkStatus());
  } else {
    EnqueueOnDevice(device, control, std::move(work), done);
  }
  return absl::OkStatus();
}

}  // namespace

void RunOn(DeviceWorker& worker, const std::shared_ptr<CallControl>& control, std::function<absl::Status()> work,
           Done done) {
  Enqueue(worker, control, std::move(work), done, done);
}

void RunStageOn(DeviceWorker& worker, const std::shared_ptr<CallControl>& control, std::function<absl::Status()> work,
                Done done) {
  const auto failed = [done](const absl::Status& status) {
    if (!status.ok()) done(status);
  };
  Enqueue(worker, control, std::move(work), failed, done);
}

void RunWithModel(const ServerParts& parts, const std::shared_ptr<CallControl>& control, const std::string& name,
                  const CallRoute& route, Prepare prepare, Done done) {
  if (name.empty()) {
    done(InvalidField("model", "must be set"));
    return;
  }
  const auto load = [&parts, control, name, prepare, done]() -> absl::Status {
    absl::StatusOr<std::shared_ptr<const Model>> model = parts.models.Load(name, LoadOptions{});
    if (!model.ok()) return ModelError("model", model.status());
    return RunPrepared(parts, control, *std::move(model), prepare, done);
  };
  const auto find = [&parts, control, name, prepare, done, load]() -> absl::Status {
    if (std::shared_ptr<const Model> model = parts.models.FindLoaded(name)) {
      return RunPrepared(parts, control, std::move(model), prepare, done);
    }
    RunStageOn(parts.loading, control, load, done);
    return absl::OkStatus();
  };
  if (route.slow_to_prepare) return RunStageOn(parts.loading, control, load, done);
  RunStageOn(parts.preparing, control, find, done);
}

}  // namespace circuitd
