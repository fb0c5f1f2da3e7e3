#include "server/service/reading_service.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "circuitd/v1/reading.grpc.pb.h"
#include "server/service/call_pipeline.h"
#include "server/service/convert_readings.h"
#include "server/service/convert_runs.h"
#include "server/service/device_turn.h"
#include "server/service/float32_tensor.h"
#include "server/service/prompts.h"
#include "server/service/server_options.h"
#include "server/service/server_parts.h"
#include "server/service/source_prompts.h"
#include "server/service/streamed_run.h"
#include "server/service/work_estimate.h"

namespace circuitd {
namespace {

// What readings need of their prompts: the clean ones,
PairNeeds CleanPromptsOnly(const v1::PromptSource&) { return {false, false, false}; }
PairNeeds WithAnswers(const v1::PromptSource&) { return {.corrupted = false, .answers = true, .incorrect = true}; }
// or answers if there are any, but not half of them.
PairNeeds AnswersIfGiven(const v1::PromptSource& source) {
  const bool given = !source.inline_().answers().empty();
  return {.corrupted = false, .answers = given, .incorrect = given};
}

using Service = v1::ReadingService;
using Methods = Service::WithRawCallbackMethod_RunLogitLens<
    Service::WithRawCallbackMethod_AttributeLogits<Service::WithRawCallbackMethod_ReadAttention<
        Service::WithRawCallbackMethod_ScoreOv<Service::WithRawCallbackMethod_ScoreQk<Service::Service>>>>>;

class ReadingService final : public Methods {
 public:
  explicit ReadingService(const ServerParts& parts) : parts_(parts) {}

  WireCall* RunLogitLens(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    return Read<v1::RunLogitLensRequest, v1::RunLogitLensResponse>(
        context, *request,
        [this](const v1::RunLogitLensRequest& proto, const std::shared_ptr<const Model>& model, const auto& run,
               CleanPrompts prompts) -> absl::StatusOr<DeviceWork> {
          ASSIGN_OR_RETURN(LogitLensRequest request,
                           ConvertLogitLens(proto, std::move(prompts), *model, LimitsOf(*model, run->control())));
          RETURN_IF_ERROR(ValidateLogitLens(model->config(), request));
          RETURN_IF_ERROR(CheckLensSize(proto, request, *model, parts_.options.max_message_bytes));
          return DeviceWork{
              EstimateLogitLens(*model, request), [this, model, run, request = std::move(request)]() -> absl::Status {
                DeviceTurn turn(parts_, *model, *run->control());
                ASSIGN_OR_RETURN(const auto prompts, circuitd::RunLogitLens(*model, request, turn.Options()));
                v1::RunLogitLensSummary& summary = *run->summary().mutable_summary();
                summary.set_compute_seconds(turn.Stop());
                const std::vector<std::string> hooks = LensHooks(model->config());
                for (const std::string& hook : hooks) summary.add_hooks(hook);
                std::vector<double> logit_diff;
                for (size_t i = 0; i < prompts.size(); ++i) {
                  *summary.add_prompts() = ToProto(prompts[i], request.prompts[i], *model);
                  logit_diff.insert(logit_diff.end(), prompts[i].logit_diff.begin(), prompts[i].logit_diff.end());
                }
                if (!request.answers.empty()) run->Add("logit_diff", Table(prompts.size(), hooks.size(), logit_diff));
                return absl::OkStatus();
              }};
        },
        AnswersIfGiven);
  }

  WireCall* AttributeLogits(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    return Read<v1::AttributeLogitsRequest, v1::AttributeLogitsResponse>(
        context, *request,
        [this](const v1::AttributeLogitsRequest& proto, const std::shared_ptr<const Model>& model, const auto& run,
               CleanPrompts prompts) -> absl::StatusOr<DeviceWork> {
          RETURN_IF_ERROR(ValidateLogitAttribution(model->config(), prompts.prompts, prompts.answers));
          std::vector<Component> components = AllComponents(model->config());
          // What is kept of each prompt is in double precision.
          RETURN_IF_ERROR(run->Reserve(proto.per_prompt() ? "per_prompt" : "prompts",
                                       static_cast<int64_t>(components.size() * prompts.prompts.size() * 12)));
          return DeviceWork{
              EstimateLogitAttribution(*model, prompts.prompts),
              [this, model, run, per_prompt = proto.per_prompt(), components = std::move(components),
               prompts = std::move(prompts)]() -> absl::Status {
                DeviceTurn turn(parts_, *model, *run->control());
                ASSIGN_OR_RETURN(const LogitAttribution result,
                                 circuitd::AttributeLogits(*model, prompts.prompts, prompts.answers, turn.Options()));
                v1::AttributeLogitsSummary& summary = *run->summary().mutable_summary();
                summary.set_compute_seconds(turn.Stop());
                for (const Component& component : components) *summary.add_components() = ToProto(component);
                *summary.mutable_logit_diff() = ToMetricValue(result.logit_diff);
                run->Add("mean", Float32Tensor({static_cast<int64_t>(components.size())}, result.mean));
                if (per_prompt) {
                  run->Add("per_prompt", Table(components.size(), prompts.prompts.size(), result.per_prompt));
                }
                return absl::OkStatus();
              }};
        },
        WithAnswers);
  }

  WireCall* ReadAttention(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    return Read<v1::ReadAttentionRequest, v1::ReadAttentionResponse>(
        context, *request,
        [this](const v1::ReadAttentionRequest& proto, const std::shared_ptr<const Model>& model, const auto& run,
               CleanPrompts prompts) -> absl::StatusOr<DeviceWork> {
          PromptRoles roles = prompts.roles.front();
          AttentionRequest request = ConvertAttention(proto, std::move(prompts));
          RETURN_IF_ERROR(ValidateAttention(model->config(), request));
          RETURN_IF_ERROR(run->Reserve(request.patterns      ? "patterns"
                                       : request.attn_scores ? "attn_scores"
                                                             : "mean_pattern",
                                       AttentionBytes(model->config(), request)));
          return DeviceWork{
              EstimateAttention(*model, request),
              [this, model, run, roles = std::move(roles), request = std::move(request)]() -> absl::Status {
                DeviceTurn turn(parts_, *model, *run->control());
                ASSIGN_OR_RETURN(const AttentionScores scores,
                                 circuitd::ReadAttention(*model, request, turn.Options(), run->Sink()));
                v1::ReadAttentionSummary& summary = *run->summary().mutable_summary();
                summary.set_compute_seconds(turn.Stop());
                summary.mutable_layers()->Add(scores.layers.begin(), scores.layers.end());
                summary.mutable_heads()->Add(scores.heads.begin(), scores.heads.end());
                for (const int token : request.prompts.front()) *summary.add_tokens() = ToProto(token, *model);
                summary.mutable_roles()->insert(roles.begin(), roles.end());
                const auto add = [&](const char* name, const std::vector<double>& values) {
                  run->Add(name, Table(scores.layers.size(), scores.heads.size(), values));
                };
                add("previous_token", scores.previous_token);
                add("duplicate_token", scores.duplicate_token);
                add("induction", scores.induction);
                return absl::OkStatus();
              }};
        });
  }

  WireCall* ScoreOv(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    return Read<v1::ScoreOvRequest, v1::ScoreOvResponse>(
        context, *request,
        [this](const v1::ScoreOvRequest& proto, const std::shared_ptr<const Model>& model, const auto& run,
               CleanPrompts prompts) -> absl::StatusOr<DeviceWork> {
          ASSIGN_OR_RETURN(HeadCircuitRequest request,
                           ConvertOv(proto, std::move(prompts), *model, LimitsOf(*model, run->control())));
          RETURN_IF_ERROR(ValidateHeadCircuit(model->config(), request));
          return DeviceWork{
              EstimateOv(*model, request), [this, model, run, request = std::move(request)]() -> absl::Status {
                DeviceTurn turn(parts_, *model, *run->control());
                ASSIGN_OR_RETURN(const OvScores scores, circuitd::ScoreOv(*model, request, turn.Options()));
                v1::ScoreOvSummary& summary = *run->summary().mutable_summary();
                summary.set_compute_seconds(turn.Stop());
                summary.set_position_count(scores.position_count);
                summary.set_member_count(scores.member_count);
                run->Add("copy", HeadTable(*model, scores.copy));
                run->Add("next", HeadTable(*model, scores.next));
                return absl::OkStatus();
              }};
        });
  }

  WireCall* ScoreQk(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    return Read<v1::ScoreQkRequest, v1::ScoreQkResponse>(
        context, *request,
        [this](const v1::ScoreQkRequest& proto, const std::shared_ptr<const Model>& model, const auto& run,
               CleanPrompts prompts) -> absl::StatusOr<DeviceWork> {
          ASSIGN_OR_RETURN(HeadCircuitRequest request,
                           ConvertQk(proto, std::move(prompts), *model, LimitsOf(*model, run->control())));
          RETURN_IF_ERROR(ValidateHeadCircuit(model->config(), request));
          const ModelConfig& config = model->config();
          const auto members = static_cast<int64_t>(request.sequence.size());
          RETURN_IF_ERROR(run->Reserve(
              "sequence", int64_t{config.n_layers} * config.n_heads * members * members * int64_t{sizeof(float)}));
          return DeviceWork{EstimateQk(*model, request),
                            [this, model, run, request = std::move(request)]() -> absl::Status {
                              DeviceTurn turn(parts_, *model, *run->control());
                              ASSIGN_OR_RETURN(QkScores scores, circuitd::ScoreQk(*model, request, turn.Options()));
                              v1::ScoreQkSummary& summary = *run->summary().mutable_summary();
                              summary.set_compute_seconds(turn.Stop());
                              for (const int token : scores.members) *summary.add_members() = ToProto(token, *model);
                              run->Add("scores", std::move(scores.scores));
                              run->Add("same", HeadTable(*model, scores.same));
                              run->Add("previous", HeadTable(*model, scores.previous));
                              return absl::OkStatus();
                            }};
        });
  }

 private:
  static HostTensor Table(size_t rows, size_t columns, const std::vector<double>& values) {
    return Float32Tensor({static_cast<int64_t>(rows), static_cast<int64_t>(columns)}, values);
  }

  static HostTensor HeadTable(const Model& model, const std::vector<double>& values) {
    return Table(model.config().n_layers, model.config().n_heads, values);
  }

  PromptLimits LimitsOf(const Model& model, const std::shared_ptr<CallControl>& control) const {
    return RunLimits(model.config(), parts_.options.max_prompts_per_request, [control] { return control->Check(); });
  }

  // `prepare` gets the source's clean prompts too.
  template <typename Request, typename Response, typename PrepareReading>
  WireCall* Read(grpc::CallbackServerContext* context, const grpc::ByteBuffer& request, PrepareReading prepare,
                 PairNeeds (*needs_of)(const v1::PromptSource&) = CleanPromptsOnly) {
    return StartStreamedRun<Request, Response>(
        parts_, context, request, RouteByPrompts(),
        [this, prepare, needs_of](const Request& proto, const std::shared_ptr<const Model>& model,
                                  const std::shared_ptr<StreamedRun<Response>>& run) -> absl::StatusOr<DeviceWork> {
          ASSIGN_OR_RETURN(PromptPairs pairs, MakeSourcePrompts(parts_, proto.prompts(), *model, run->control(),
                                                                needs_of(proto.prompts())));
          return prepare(proto, model, run, TakeClean(std::move(pairs)));
        });
  }

  const ServerParts& parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeReadingService(const ServerParts& parts) {
  return std::make_unique<ReadingService>(parts);
}

}  // namespace circuitd
