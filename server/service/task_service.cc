#include "server/service/task_service.h"

#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "base/status.h"
#include "circuitd/v1/task.grpc.pb.h"
#include "server/model/forward.h"
#include "server/service/call_pipeline.h"
#include "server/service/device_turn.h"
#include "server/service/prompt_pairs_stream.h"
#include "server/service/server_parts.h"
#include "server/service/source_prompts.h"
#include "server/service/speed_meter.h"
#include "server/service/streamed_run.h"
#include "server/service/work_estimate.h"
#include "server/tasks/prompt_source.h"
#include "server/tasks/published_filter.h"

namespace circuitd {
namespace {

using Run = StreamedRun<v1::GeneratePromptsResponse>;

// What the model thinks of each pair's answers, in two runs over the clean prompts. Both sides have tokens.
absl::StatusOr<std::vector<AnswerProbabilities>> ReadProbabilities(const Model& model, const PromptPairs& pairs,
                                                                   const ForwardOptions& options) {
  ForwardRequest request;
  request.logits.top_k = 1;
  // exp(-nll) is the summed probability of an answer's correct tokens.
  request.metric = Metric::kNll;
  for (const PromptPair& pair : pairs) {
    request.prompts.push_back(pair.clean);
    request.answers.push_back({pair.correct, pair.incorrect});
  }
  ASSIGN_OR_RETURN(const ForwardResult correct, RunForward(model, request, options, TensorSink()));
  for (Answer& answer : request.answers) std::swap(answer.correct, answer.incorrect);
  request.logits.top_k = 0;
  ASSIGN_OR_RETURN(const ForwardResult incorrect, RunForward(model, request, options, TensorSink()));
  std::vector<AnswerProbabilities> probabilities;
  for (size_t i = 0; i < pairs.size(); ++i) {
    probabilities.push_back(
        {correct.prompts[i].top.front().token, std::exp(-correct.metric[i]), std::exp(-incorrect.metric[i])});
  }
  return probabilities;
}

void SendPairs(Run& run, std::shared_ptr<const Model> model, uint64_t generated, PromptPairs pairs,
               std::vector<AnswerProbabilities> probabilities) {
  v1::GeneratePromptsSummary& summary = *run.summary().mutable_summary();
  summary.set_generated(generated);
  summary.set_kept(pairs.size());
  const auto stream = std::make_shared<PromptPairsStream>(std::move(model), std::move(pairs), std::move(probabilities));
  run.SendAfterSummary(
      [stream](v1::GeneratePromptsResponse& response) { return stream->Next(*response.mutable_pairs()); });
}

using Service = v1::TaskService;
using Methods = Service::WithCallbackMethod_ListTasks<Service::WithRawCallbackMethod_GeneratePrompts<Service::Service>>;

class TaskService final : public Methods {
 public:
  explicit TaskService(const ServerParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* ListTasks(grpc::CallbackServerContext* context, const v1::ListTasksRequest*,
                                      v1::ListTasksResponse* response) override {
    return AnswerNow(context, [&] {
      for (const TaskDescription& task : AllTasks()) {
        v1::Task& proto = *response->add_tasks();
        proto.set_name(task.name);
        proto.set_description(task.description);
        proto.mutable_variants()->Assign(task.variants.begin(), task.variants.end());
        proto.mutable_roles()->Assign(task.roles.begin(), task.roles.end());
      }
      return absl::OkStatus();
    });
  }

  WireCall* GeneratePrompts(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    return StartStreamedRun<v1::GeneratePromptsRequest, v1::GeneratePromptsResponse>(
        parts_, context, *request, RouteByPrompts(),
        [this](const v1::GeneratePromptsRequest& proto, const std::shared_ptr<const Model>& model,
               const std::shared_ptr<Run>& run) -> absl::StatusOr<DeviceWork> {
          const PairNeeds needs{.corrupted = false, .answers = proto.filter(), .incorrect = proto.filter()};
          ASSIGN_OR_RETURN(PromptPairs pairs,
                           MakeSourcePrompts(parts_, proto.prompts(), *model, run->control(), needs));
          RETURN_IF_ERROR(run->Reserve("prompts", MemoryOf(pairs)));
          if (proto.filter()) {
            return DeviceWork{EstimateFilter(*model, pairs),
                              [this, model, run, pairs = std::move(pairs)] { return Filter(model, pairs, *run); }};
          }
          const size_t generated = pairs.size();
          SendPairs(*run, model, generated, std::move(pairs), {});
          return DeviceWork{};
        });
  }

 private:
  absl::Status Filter(const std::shared_ptr<const Model>& model, const PromptPairs& pairs, Run& run) const {
    DeviceTurn turn(parts_, *model, *run.control());
    ASSIGN_OR_RETURN(const auto probabilities, ReadProbabilities(*model, pairs, turn.Options()));
    std::vector<std::vector<int>> prompts;
    for (const PromptPair& pair : pairs) prompts.push_back(pair.clean);
    turn.Stop(2 * ForwardFlops(model->config(), prompts));
    PromptPairs kept;
    std::vector<AnswerProbabilities> kept_probabilities;
    for (size_t i = 0; i < pairs.size(); ++i) {
      const AnswerProbabilities& p = probabilities[i];
      if (!PassesPublishedFilter(p.first_choice, p.correct, p.incorrect, pairs[i].correct)) continue;
      kept.push_back(pairs[i]);
      kept_probabilities.push_back(p);
    }
    SendPairs(run, model, pairs.size(), std::move(kept), std::move(kept_probabilities));
    return absl::OkStatus();
  }

  const ServerParts& parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeTaskService(const ServerParts& parts) {
  return std::make_unique<TaskService>(parts);
}

}  // namespace circuitd
