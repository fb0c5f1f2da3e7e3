#include "server/service/inference_service.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "circuitd/v1/inference.grpc.pb.h"
#include "server/service/call_pipeline.h"
#include "server/service/convert_runs.h"
#include "server/service/joint_call.h"
#include "server/service/prompts.h"
#include "server/service/reactors.h"
#include "server/service/server_options.h"
#include "server/service/server_parts.h"
#include "server/service/speed_meter.h"
#include "server/service/streamed_run.h"
#include "server/service/work_estimate.h"

namespace circuitd {
namespace {

// Bounds what an answer holds before it is computed.
template <typename Run, typename Request>
absl::Status Reserve(const ServerParts& parts, const Model& model, const Request& request, Run& run) {
  constexpr int64_t kBytesOfTokenLogit = 32;
  const auto values = static_cast<int64_t>(request.logits.top_k + request.logits.chosen_tokens.size());
  const int64_t all = static_cast<int64_t>(request.prompts.size()) * values;
  const int64_t most = parts.options.max_message_bytes / kBytesOfTokenLogit;
  if (all > most) {
    return InvalidField("logits",
                        absl::StrCat(all, " values of top_k and chosen_tokens over all prompts, must be at most ", most,
                                     " for one reply"));
  }
  RETURN_IF_ERROR(
      run.Reserve("logits.full_logits", FullLogitsBytes(model.config(), request.prompts, request.logits.full_logits)));
  return run.Reserve("capture", CaptureBytes(model.config(), request.capture, request.prompts, request.roles,
                                             DTypeSize(model.dtype())));
}

// Validating asks each intervention where in each prompt it applies.
bool TakesLongToValidate(const v1::RunPatchedRequest& request) {
  constexpr size_t kManyChecks = size_t{1} << 24;
  return static_cast<size_t>(request.interventions_size()) * request.ByteSizeLong() > kManyChecks;
}

// What a run on the device keeps alive.
template <typename Request, typename Result>
struct Work {
  explicit Work(Request given) : request(std::move(given)) {}

  const Request request;
  Result result;
};

template <typename Run>
Checkpoint CheckOf(const Run& run) {
  return [control = run.control()] { return control->Check(); };
}

using Service = v1::InferenceService;
using Methods = Service::WithCallbackMethod_Tokenize<
    Service::WithRawCallbackMethod_Forward<Service::WithRawCallbackMethod_RunPatched<Service::Service>>>;

class InferenceService final : public Methods {
 public:
  explicit InferenceService(const ServerParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext* context, const v1::TokenizeRequest* request,
                                     v1::TokenizeResponse* response) override {
    auto* call = new UnaryCall(parts_, context);
    if (!call->Admit(*request)) return call;
    RunWithModel(
        parts_, call->control(), request->model(), {},
        [this, request, response,
         control = call->control()](std::shared_ptr<const Model> model) -> absl::StatusOr<DeviceWork> {
          RETURN_IF_ERROR(TokenizeInto(
              request->prompts(), *model, parts_.options.max_prompts_per_request, parts_.options.max_message_bytes,
              [&control] { return control->Check(); }, *response));
          return DeviceWork{};
        },
        [call](const absl::Status& status) { call->End(status); });
    return call;
  }

  WireCall* Forward(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    return StartStreamedRun<v1::ForwardRequest, v1::ForwardResponse>(
        parts_, context, *request, [](const v1::ForwardRequest&) { return CallRoute(); },
        [this](const v1::ForwardRequest& proto, const std::shared_ptr<const Model>& model,
               const std::shared_ptr<StreamedRun<v1::ForwardResponse>>& run) -> absl::StatusOr<DeviceWork> {
          ASSIGN_OR_RETURN(ForwardRequest request, ConvertForward(proto, *model, LimitsOf(*model, run->control())));
          RETURN_IF_ERROR(ValidateForward(model->config(), request));
          RETURN_IF_ERROR(Reserve(parts_, *model, request, *run));
          const JointCall::Cost cost{EstimateForward(*model, request), ForwardFlops(model->config(), request.prompts),
                                     ForwardShare(*model, request, parts_.options.memory_budget_bytes)};
          const auto work = std::make_shared<Work<ForwardRequest, ForwardResult>>(std::move(request));
          auto part = NewForwardPart(*model, work->request, CheckOf(*run), run->Sink(), work->result);
          const auto answer = [model, run, work](double seconds) {
            v1::ForwardSummary& summary = *run->summary().mutable_summary();
            summary.set_compute_seconds(seconds);
            for (size_t i = 0; i < work->result.prompts.size(); ++i) {
              *summary.add_prompts() = ToProto(work->result.prompts[i], work->request.prompts[i].size(), *model);
            }
            if (work->request.metric) *summary.mutable_metric() = ToMetricValue(work->result.metric);
          };
          return DeviceWork{cost.seconds, nullptr,
                            std::make_shared<JointCall>(parts_, model, cost, std::move(part), answer)};
        });
  }

  WireCall* RunPatched(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    return StartStreamedRun<v1::RunPatchedRequest, v1::RunPatchedResponse>(
        parts_, context, *request,
        [](const v1::RunPatchedRequest& proto) { return CallRoute{.slow_to_prepare = TakesLongToValidate(proto)}; },
        [this](const v1::RunPatchedRequest& proto, const std::shared_ptr<const Model>& model,
               const std::shared_ptr<StreamedRun<v1::RunPatchedResponse>>& run) -> absl::StatusOr<DeviceWork> {
          ASSIGN_OR_RETURN(PatchedRunRequest request,
                           ConvertPatchedRun(proto, *model, LimitsOf(*model, run->control())));
          RETURN_IF_ERROR(ValidatePatchedRun(model->config(), request));
          RETURN_IF_ERROR(Reserve(parts_, *model, request, *run));
          const JointCall::Cost cost{EstimatePatchedRun(*model, request), 0,
                                     PatchedRunShare(*model, request, parts_.options.memory_budget_bytes)};
          const auto work = std::make_shared<Work<PatchedRunRequest, PatchedRunResult>>(std::move(request));
          auto part = NewPatchedPart(*model, work->request, CheckOf(*run), run->Sink(), work->result);
          const auto answer = [model, run, work](double seconds) {
            v1::RunPatchedSummary& summary = *run->summary().mutable_summary();
            summary.set_compute_seconds(seconds);
            for (size_t i = 0; i < work->result.prompts.size(); ++i) {
              *summary.add_prompts() = ToProto(work->result.prompts[i], work->request.prompts[i].size(), *model);
            }
            if (work->result.metric) {
              *summary.mutable_patched_metric() = ToMetricValue(work->result.metric->patched);
              *summary.mutable_unpatched_metric() = ToMetricValue(work->result.metric->unpatched);
            }
          };
          return DeviceWork{cost.seconds, nullptr,
                            std::make_shared<JointCall>(parts_, model, cost, std::move(part), answer)};
        });
  }

 private:
  PromptLimits LimitsOf(const Model& model, const std::shared_ptr<CallControl>& control) const {
    return RunLimits(model.config(), parts_.options.max_prompts_per_request, [control] { return control->Check(); });
  }

  const ServerParts& parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeInferenceService(const ServerParts& parts) {
  return std::make_unique<InferenceService>(parts);
}

}  // namespace circuitd
