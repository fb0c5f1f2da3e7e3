#include "server/service/inference_service.h"

#include <chrono>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "circuitd/v1/inference.grpc.pb.h"
#include "server/jobs/device_pool.h"
#include "server/jobs/queue_full.h"
#include "server/service/byte_budget.h"
#include "server/service/call_pipeline.h"
#include "server/service/prompts.h"
#include "server/service/reactors.h"
#include "server/service/server_options.h"
#include "server/service/server_parts.h"
#include "server/service/speed_meter.h"
#include "server/service/tensor_chunks.h"
#include "server/telemetry/metrics.h"

namespace circuitd {
namespace {

// What a streamed run leaves to be written.
template <typename Response>
struct Reply {
  explicit Reply(ByteBudget* budget) : reserved(budget) {}

  Response summary;
  bool summary_sent = false;
  TensorChunks chunks;
  ByteBudget::Reservation reserved;

  Pull Next(Response& response) {
    // What has been written needs no place any more.
    reserved.ShrinkTo(chunks.held_bytes());
    if (!std::exchange(summary_sent, true)) {
      response.Swap(&summary);
      return Pull::kMessage;
    }
    return chunks.Next(*response.mutable_chunk()) ? Pull::kMessage : Pull::kEnd;
  }
};

// Bounds what an answer holds before it is computed.
template <typename Response>
absl::Status Reserve(const ServerParts& parts, const ModelConfig& config, const std::vector<std::vector<int>>& prompts,
                     const LogitsSelection& selection, Reply<Response>& reply) {
  constexpr int64_t kBytesOfTokenLogit = 32;
  const int64_t values =
      static_cast<int64_t>(prompts.size()) * (selection.top_k + static_cast<int64_t>(selection.chosen_tokens.size()));
  const int64_t most = parts.options.max_message_bytes / kBytesOfTokenLogit;
  if (values > most) {
    return InvalidField(
        "logits", absl::StrCat(values, " values of top_k and chosen_tokens over all prompts, must be at most ", most,
                               " for one reply"));
  }
  const int64_t bytes = FullLogitsBytes(config, prompts, selection.full_logits);
  if (bytes > parts.options.max_reply_bytes) {
    return InvalidField("logits.full_logits",
                        absl::StrCat(bytes, " bytes, max_reply_bytes is ", parts.options.max_reply_bytes));
  }
  if (!reply.reserved.Grow(bytes)) {
    return QueueFullError(
        absl::StrCat("replies that wait for their clients hold over ", parts.replies.limit(), " bytes"));
  }
  return absl::OkStatus();
}

// A call's turn on its model's device: lets others in between two forward passes, and times the call's own work.
class DeviceTurn {
 public:
  DeviceTurn(const ServerParts& parts, const Model& model, const CallControl& control)
      : parts_(parts), model_(model), control_(control) {}

  // For the run; this outlives it.
  ForwardOptions Options() {
    return {parts_.options.memory_budget_bytes, [this] {
              Pause();
              parts_.devices.Worker(model_.device()).RunWaitingCalls();
              start_ = Clock::now();
              return control_.Check();
            }};
  }

  // Seconds of this call's own work, in which the device made `flops`.
  double Stop(double flops) {
    Pause();
    parts_.metrics.ForwardSeconds(seconds_);
    parts_.speed.Add(model_.device(), flops, seconds_);
    return seconds_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  void Pause() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }

  const ServerParts& parts_;
  const Model& model_;
  const CallControl& control_;
  double seconds_ = 0;
  Clock::time_point start_ = Clock::now();
};

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

v1::MetricValue ToProto(const MetricValues& values) {
  v1::MetricValue proto;
  proto.set_patched(Mean(values.patched));
  proto.set_unpatched(Mean(values.unpatched));
  proto.mutable_patched_per_prompt()->Add(values.patched.begin(), values.patched.end());
  proto.mutable_unpatched_per_prompt()->Add(values.unpatched.begin(), values.unpatched.end());
  return proto;
}

class InferenceService final : public v1::InferenceService::CallbackService {
 public:
  explicit InferenceService(const ServerParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* Tokenize(grpc::CallbackServerContext* context, const v1::TokenizeRequest* request,
                                     v1::TokenizeResponse* response) override {
    auto* call = new UnaryCall(parts_, context);
    if (!call->Admit(*request)) return call;
    RunWithModel(
        parts_, call->control(), request->model(),
        [this, request, response,
         control = call->control()](std::shared_ptr<const Model> model) -> absl::StatusOr<DeviceWork> {
          RETURN_IF_ERROR(TokenizeInto(
              request->prompts(), *model, parts_.options.max_prompts_per_request, parts_.options.max_message_bytes,
              [&control] { return control->Check(); }, *response));
          return DeviceWork();
        },
        [call](const absl::Status& status) { call->End(status); });
    return call;
  }

  grpc::ServerWriteReactor<v1::ForwardResponse>* Forward(grpc::CallbackServerContext* context,
                                                         const v1::ForwardRequest* request) override {
    return Stream<v1::ForwardResponse>(
        context, *request,
        [this](const v1::ForwardRequest& request, std::shared_ptr<const Model> model,
               const std::shared_ptr<CallControl>& control,
               const std::shared_ptr<Reply<v1::ForwardResponse>>& reply) -> absl::StatusOr<DeviceWork> {
          const PromptLimits limits = LimitsOf(*model, control);
          ASSIGN_OR_RETURN(auto prompts, TokenizePrompts(request.prompts(), "prompts", *model, limits));
          RETURN_IF_ERROR(ValidatePrompts(model->config(), "prompts", prompts));
          ASSIGN_OR_RETURN(auto selection, ConvertSelection(request.logits(), *model, limits));
          RETURN_IF_ERROR(Reserve(parts_, model->config(), prompts, selection, *reply));
          return DeviceWork([this, model, control, reply, prompts = std::move(prompts),
                             selection = std::move(selection)]() -> absl::Status {
            DeviceTurn turn(parts_, *model, *control);
            ASSIGN_OR_RETURN(const auto logits, RunForward(*model, prompts, selection, turn.Options(), SinkOf(*reply)));
            v1::ForwardSummary& summary = *reply->summary.mutable_summary();
            summary.set_compute_seconds(turn.Stop(ForwardFlops(model->config(), prompts)));
            for (size_t i = 0; i < logits.size(); ++i) {
              *summary.add_prompts() = circuitd::ToProto(logits[i], prompts[i].size(), *model);
            }
            return absl::OkStatus();
          });
        });
  }

  grpc::ServerWriteReactor<v1::RunPatchedResponse>* RunPatched(grpc::CallbackServerContext* context,
                                                               const v1::RunPatchedRequest* request) override {
    return Stream<v1::RunPatchedResponse>(
        context, *request,
        [this](const v1::RunPatchedRequest& request, std::shared_ptr<const Model> model,
               const std::shared_ptr<CallControl>& control,
               const std::shared_ptr<Reply<v1::RunPatchedResponse>>& reply) -> absl::StatusOr<DeviceWork> {
          ASSIGN_OR_RETURN(auto run, ConvertPatchedRun(request, *model, LimitsOf(*model, control)));
          RETURN_IF_ERROR(ValidatePatchedRun(model->config(), run));
          RETURN_IF_ERROR(Reserve(parts_, model->config(), run.prompts, run.logits, *reply));
          return DeviceWork([this, model, control, reply, run = std::move(run)]() -> absl::Status {
            DeviceTurn turn(parts_, *model, *control);
            ASSIGN_OR_RETURN(const auto result, circuitd::RunPatched(*model, run, turn.Options(), SinkOf(*reply)));
            v1::RunPatchedSummary& summary = *reply->summary.mutable_summary();
            // How many runs it took is the algorithm's business: no measure of speed.
            summary.set_compute_seconds(turn.Stop(0));
            for (size_t i = 0; i < result.prompts.size(); ++i) {
              *summary.add_prompts() = circuitd::ToProto(result.prompts[i], run.prompts[i].size(), *model);
            }
            if (result.metric) *summary.mutable_metric() = ToProto(*result.metric);
            return absl::OkStatus();
          });
        });
  }

 private:
  PromptLimits LimitsOf(const Model& model, const std::shared_ptr<CallControl>& control) const {
    return RunLimits(model.config(), parts_.options.max_prompts_per_request, [control] { return control->Check(); });
  }

  template <typename Response>
  static TensorSink SinkOf(Reply<Response>& reply) {
    return [&reply](std::string name, HostTensor tensor) {
      reply.chunks.Add(std::move(name), std::move(tensor));
      return absl::OkStatus();
    };
  }

  // The request lives as long as the call has not begun to answer.
  template <typename Response, typename Request, typename PrepareRun>
  StreamCall<Response>* Stream(grpc::CallbackServerContext* context, const Request& request, PrepareRun prepare) {
    const auto call = StreamCall<Response>::Start(parts_, context);
    if (!call->Admit(request)) return call.get();
    const auto reply = std::make_shared<Reply<Response>>(&parts_.replies);
    RunWithModel(
        parts_, call->control(), request.model(),
        [&request, prepare, control = call->control(), reply](std::shared_ptr<const Model> model) {
          return prepare(request, std::move(model), control, reply);
        },
        [call, reply](const absl::Status& status) {
          if (!status.ok()) return call->Fail(status);
          call->Begin([reply](Response& response, absl::Status&) { return reply->Next(response); });
        });
    return call.get();
  }

  const ServerParts& parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeInferenceService(const ServerParts& parts) {
  return std::make_unique<InferenceService>(parts);
}

}  // namespace circuitd
