#include "server/service/job_submission.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "server/jobs/device_pool.h"
#include "server/jobs/job_manager.h"
#include "server/service/call_pipeline.h"
#include "server/service/convert_job.h"
#include "server/service/job_estimates.h"
#include "server/service/job_planning.h"
#include "server/service/job_requests.h"
#include "server/service/job_spec_parts.h"
#include "server/service/speed_meter.h"
#include "server/service/stored_job.h"

namespace circuitd {
namespace {

constexpr char kOwnerKey[] = "circuitd-user";
constexpr size_t kMaxOwnerBytes = 128;

absl::StatusOr<std::string> Owner(const grpc::CallbackServerContext& context) {
  const auto entry = context.client_metadata().find(kOwnerKey);
  if (entry == context.client_metadata().end()) return std::string();
  const grpc::string_ref owner = entry->second;
  const bool printable = std::all_of(owner.begin(), owner.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  if (owner.size() > kMaxOwnerBytes || !printable) {
    return InvalidField(absl::StrCat("metadata ", kOwnerKey),
                        absl::StrCat("must be at most ", kMaxOwnerBytes, " bytes of printable ASCII"));
  }
  return std::string(owner.data(), owner.size());
}

// One SubmitJob on its way through the threads.
class Submission : public std::enable_shared_from_this<Submission> {
 public:
  Submission(const ServerParts& parts, UnaryCall* call, const v1::SubmitJobRequest& request,
             v1::SubmitJobResponse& response)
      : parts_(parts), call_(call), request_(request), response_(response) {
    // What this server doesn't know, however large, has no place in the job.
    request_.DiscardUnknownFields();
  }

  void Start(const grpc::CallbackServerContext& context) {
    absl::StatusOr<bool> answered = RunGuarded([&] { return Check(context); });
    if (!answered.ok()) return call_->End(answered.status());
    if (*answered) return call_->End(absl::OkStatus());
    // Preparing loads the model and tokenizes every prompt: never on a gRPC thread, and not on the device's.
    RunStageOn(
        parts_.loading, call_->control(), [self = shared_from_this()] { return self->Prepare(); },
        [call = call_](const absl::Status& status) { call->End(status); });
  }

 private:
  // True if an earlier submit has answered already.
  absl::StatusOr<bool> Check(const grpc::CallbackServerContext& context) {
    ASSIGN_OR_RETURN(job_.owner, Owner(context));
    job_.request_id = request_.request_id();
    job_.request_fingerprint = SpecFingerprint(request_.spec());
    if (!request_.validate_only()) {
      // Before the checks: what was fine then may be past its deadline now.
      ASSIGN_OR_RETURN(const std::optional<JobView> known, parts_.jobs.FindRequest(job_));
      if (known) {
        *response_.mutable_job() = ToProto(*known);
        return true;
      }
    }
    RETURN_IF_ERROR(ValidateSubmit(request_, absl::Now()));
    if (!request_.validate_only()) RETURN_IF_ERROR(parts_.jobs.CheckRoom(job_.owner));
    return false;
  }

  absl::Status Prepare() {
    auto planned = PlanJob(parts_, request_.spec());
    if (!planned.ok()) return WithFieldPrefix("spec", planned.status());
    planned_ = *std::move(planned);
    if (request_.validate_only()) {
      Estimate();
      return absl::OkStatus();
    }
    const JobPlan& plan = *planned_.plan;
    v1::JobSpec spec = request_.spec();
    SetModelName(plan.model().name(), spec);
    job_.spec = spec.SerializeAsString();
    job_.device = plan.model().device();
    job_.priority = spec.priority();
    if (spec.has_deadline()) {
      ASSIGN_OR_RETURN(job_.deadline, FromProto(spec.deadline(), "spec.deadline"));
    }
    job_.cancel_unwatched = spec.cancel_on_disconnect();
    absl::StatusOr<StoredJob> stored = StoreJob(plan);
    if (!stored.ok()) return FieldOf(stored.status()) ? WithFieldPrefix("spec", stored.status()) : stored.status();
    job_.input = std::move(stored->input);
    job_.result_key = std::move(stored->result_key);
    job_.use_result = !request_.no_cache();
    job_.micro_batch_prompts = planned_.cost.micro_batch_prompts;
    job_.estimate = EstimateDuration(parts_, plan, planned_.cost);
    job_.body = MakeJobBody(parts_, planned_.plan);
    ASSIGN_OR_RETURN(const JobView job, parts_.jobs.Submit(std::move(job_)));
    *response_.mutable_job() = ToProto(job);
    call_->End(absl::OkStatus());
    return absl::OkStatus();
  }

  void Estimate() {
    const std::string& device = planned_.plan->model().device();
    const auto answer = [self = shared_from_this(), device](const absl::Status& status) {
      if (status.ok()) {
        const double speed = self->parts_.speed.Get(device).value_or(1);
        *self->response_.mutable_estimate() = EstimateJob(*self->planned_.plan, self->planned_.cost, speed);
      }
      self->call_->End(status);
    };
    if (parts_.speed.Get(device)) return answer(absl::OkStatus());
    RunOn(
        parts_.devices.Worker(device), call_->control(),
        [self = shared_from_this()] {
          return MeasureSpeed(self->parts_, *self->planned_.plan,
                              [&call = *self->call_] { return call.control()->Check(); });
        },
        answer);
  }

  const ServerParts& parts_;
  UnaryCall* const call_;
  v1::SubmitJobRequest request_;
  v1::SubmitJobResponse& response_;
  JobRequest job_;
  PlannedJob planned_;
};

}  // namespace

void StartSubmission(const ServerParts& parts, const grpc::CallbackServerContext& context, UnaryCall* call,
                     const v1::SubmitJobRequest& request, v1::SubmitJobResponse& response) {
  std::make_shared<Submission>(parts, call, request, response)->Start(context);
}

}  // namespace circuitd
