#include "server/service/server_service.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "circuitd/v1/server.grpc.pb.h"
#include "server/jobs/device_pool.h"
#include "server/jobs/steady_uptime.h"
#include "server/model/device.h"
#include "server/service/convert_job.h"
#include "server/service/reactors.h"
#include "server/service/server_options.h"
#include "server/service/server_parts.h"
#include "server/service/version.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {

class ServerService final : public v1::ServerService::CallbackService {
 public:
  explicit ServerService(const ServerParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context, const v1::GetServerInfoRequest*,
                                          v1::GetServerInfoResponse* response) override {
    return AnswerNow(context, [&] {
      response->set_version(kVersion);
      for (const DeviceDescription& device : DescribeDevices()) {
        v1::Device* proto = response->add_devices();
        proto->set_name(device.name);
        proto->set_description(device.description);
        proto->set_memory_bytes(device.memory_bytes);
        proto->set_used_memory_bytes(device.used_bytes);
        const DeviceWorker::Activity activity = parts_.devices.ActivityOf(device.name);
        *proto->mutable_busy_time() = ToProto(activity.busy);
        proto->set_waiting_calls(static_cast<uint32_t>(activity.waiting_calls));
        proto->set_running_calls(static_cast<uint32_t>(activity.running_calls));
        const std::string job = parts_.jobs.JobOn(device.name);
        if (!job.empty()) proto->set_running_job(absl::StrCat("jobs/", job));
      }
      // After the busy times, so that no device was busy for longer.
      *response->mutable_start_time() = ToProto(start_time_);
      *response->mutable_uptime() = ToProto(SteadyUptime() - start_uptime_);
      const ServerOptions& options = parts_.options;
      response->set_default_device(options.models.default_device);
      v1::Limits& limits = *response->mutable_limits();
      limits.set_memory_budget_bytes(options.memory_budget_bytes);
      limits.set_max_message_bytes(options.max_message_bytes);
      limits.set_max_dataset_bytes(options.max_dataset_bytes);
      limits.set_max_stored_dataset_bytes(options.max_stored_dataset_bytes);
      limits.set_max_prompts_per_request(options.max_prompts_per_request);
      limits.set_max_reply_bytes(options.max_reply_bytes);
      limits.set_max_queued_jobs(options.max_queued_jobs);
      limits.set_max_queued_calls(options.max_queued_calls);
      limits.set_max_num_samples(kMaxNumSamples);
      limits.set_max_loaded_models(options.models.max_loaded_models);
      limits.set_max_queued_jobs_per_user(options.max_queued_jobs_per_user);
      limits.set_max_running_jobs_per_user(options.max_running_jobs_per_user);
      if (options.retention_age < absl::InfiniteDuration()) {
        *limits.mutable_retention_age() = ToProto(options.retention_age);
      }
      if (options.retention_bytes < INT64_MAX) limits.set_retention_bytes(options.retention_bytes);
      return absl::OkStatus();
    });
  }

 private:
  const ServerParts& parts_;
  const absl::Time start_time_ = absl::Now();
  const absl::Duration start_uptime_ = SteadyUptime();
};

}  // namespace

std::unique_ptr<grpc::Service> MakeServerService(const ServerParts& parts) {
  return std::make_unique<ServerService>(parts);
}

}  // namespace circuitd
