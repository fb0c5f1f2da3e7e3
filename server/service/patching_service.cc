#include "server/service/patching_service.h"

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "circuitd/v1/patching.grpc.pb.h"
#include "server/service/call_pipeline.h"
#include "server/service/convert_patching.h"
#include "server/service/convert_runs.h"
#include "server/service/device_turn.h"
#include "server/service/float32_tensor.h"
#include "server/service/prompts.h"
#include "server/service/server_options.h"
#include "server/service/server_parts.h"
#include "server/service/source_prompts.h"
#include "server/service/streamed_run.h"

namespace circuitd {
namespace {

// A run keeps each prompt's value; what is sent of them is in float32.
int64_t ReplyBytes(uint64_t runs, size_t prompts, bool per_prompt) {
  const int64_t kept = static_cast<int64_t>(runs) * static_cast<int64_t>(prompts + 1) * int64_t{sizeof(double)};
  return per_prompt ? kept + kept / 2 : kept;
}

template <typename Response>
Response Progress(uint64_t runs_done, uint64_t runs_total) {
  Response response;
  response.mutable_progress()->set_runs_done(runs_done);
  response.mutable_progress()->set_runs_total(runs_total);
  return response;
}

template <typename Response>
PatchingProgress Reporter(const std::shared_ptr<StreamedRun<Response>>& run) {
  return [run](uint64_t done, uint64_t total) { run->Report(Progress<Response>(done, total)); };
}

bool EquallyLong(const PromptPairs& pairs) {
  return std::all_of(pairs.begin(), pairs.end(),
                     [&](const PromptPair& pair) { return pair.clean.size() == pairs.front().clean.size(); });
}

void AddGrid(SweepGrid grid, int64_t prompts, bool per_prompt, StreamedRun<v1::RunSweepResponse>& run) {
  *run.summary().mutable_summary()->add_grids() = ToProto(grid);
  const std::string hook = HookKindName(grid.hook);
  const auto layers = static_cast<int64_t>(grid.layers.size());
  const auto columns = static_cast<int64_t>(grid.columns.size());
  run.Add(absl::StrCat(hook, "/mean"), Float32Tensor({layers, columns}, grid.mean));
  if (per_prompt) {
    run.Add(absl::StrCat(hook, "/per_prompt"), Float32Tensor({layers, columns, prompts}, grid.per_prompt));
  }
}

void AddPaths(const std::vector<PathEffect>& paths, int64_t prompts, bool per_prompt,
              StreamedRun<v1::RunPathPatchingResponse>& run) {
  v1::RunPathPatchingSummary& summary = *run.summary().mutable_summary();
  std::vector<double> means, values;
  for (const PathEffect& path : paths) {
    *summary.add_paths() = ToProto(path);
    means.push_back(path.mean);
    if (per_prompt) values.insert(values.end(), path.per_prompt.begin(), path.per_prompt.end());
  }
  const auto count = static_cast<int64_t>(paths.size());
  run.Add("mean", Float32Tensor({count}, means));
  if (per_prompt) run.Add("per_prompt", Float32Tensor({count, prompts}, values));
}

using Service = v1::PatchingService;
using Methods =
    Service::WithRawCallbackMethod_RunSweep<Service::WithRawCallbackMethod_RunPathPatching<Service::Service>>;

class PatchingService final : public Methods {
 public:
  explicit PatchingService(const ServerParts& parts) : parts_(parts) {}

  WireCall* RunSweep(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    using Run = StreamedRun<v1::RunSweepResponse>;
    return StartStreamedRun<v1::RunSweepRequest, v1::RunSweepResponse>(
        parts_, context, *request, RouteByPrompts(),
        [this](const v1::RunSweepRequest& proto, const std::shared_ptr<const Model>& model,
               const std::shared_ptr<Run>& run) -> absl::StatusOr<DeviceWork> {
          ASSIGN_OR_RETURN(SweepRequest request, ConvertSweep(proto, model->config()));
          ASSIGN_OR_RETURN(request.pairs,
                           MakeSourcePrompts(parts_, proto.prompts(), *model, run->control(), NeedsOf(request.metric)));
          RETURN_IF_ERROR(ValidateSweep(model->config(), request));
          const uint64_t runs = SweepRuns(model->config(), request);
          const bool per_prompt = proto.per_prompt();
          RETURN_IF_ERROR(
              run->Reserve(per_prompt ? "per_prompt" : "prompts", ReplyBytes(runs, request.pairs.size(), per_prompt)));
          return DeviceWork{kPatchingSeconds,
                            [this, model, run, runs, per_prompt, request = std::move(request)]() -> absl::Status {
                              return Sweep(*model, request, runs, per_prompt, run);
                            }};
        });
  }

  WireCall* RunPathPatching(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) override {
    using Run = StreamedRun<v1::RunPathPatchingResponse>;
    return StartStreamedRun<v1::RunPathPatchingRequest, v1::RunPathPatchingResponse>(
        parts_, context, *request, RouteByPrompts(),
        [this](const v1::RunPathPatchingRequest& proto, const std::shared_ptr<const Model>& model,
               const std::shared_ptr<Run>& run) -> absl::StatusOr<DeviceWork> {
          ASSIGN_OR_RETURN(PathPatchingRequest request, ConvertPathPatching(proto, model->config()));
          ASSIGN_OR_RETURN(request.pairs,
                           MakeSourcePrompts(parts_, proto.prompts(), *model, run->control(), NeedsOf(request.metric)));
          RETURN_IF_ERROR(ValidatePathPatching(model->config(), request));
          const uint64_t runs = PathPatchingRuns(model->config(), request);
          RETURN_IF_ERROR(CheckPathCount(runs));
          const bool per_prompt = proto.per_prompt();
          RETURN_IF_ERROR(
              run->Reserve(per_prompt ? "per_prompt" : "prompts", ReplyBytes(runs, request.pairs.size(), per_prompt)));
          return DeviceWork{kPatchingSeconds,
                            [this, model, run, runs, per_prompt, request = std::move(request)]() -> absl::Status {
                              return PatchPaths(*model, request, runs, per_prompt, run);
                            }};
        });
  }

 private:
  // Patched runs come in thousands, each after the other.
  static constexpr double kPatchingSeconds = std::numeric_limits<double>::infinity();

  // The summary names them all in one message.
  absl::Status CheckPathCount(uint64_t paths) const {
    constexpr int64_t kBytesOfPath = 32;
    const auto most = static_cast<uint64_t>(parts_.options.max_message_bytes / kBytesOfPath);
    if (paths <= most) return absl::OkStatus();
    return InvalidField("receivers", absl::StrCat(paths, " paths, must be at most ", most, " for one reply"));
  }

  absl::Status Sweep(const Model& model, const SweepRequest& request, uint64_t runs, bool per_prompt,
                     const std::shared_ptr<StreamedRun<v1::RunSweepResponse>>& run) const {
    DeviceTurn turn(parts_, model, *run->control());
    run->Report(Progress<v1::RunSweepResponse>(0, runs));
    ASSIGN_OR_RETURN(SweepResult result, circuitd::RunSweep(model, request, turn.Options(), Reporter(run)));
    v1::RunSweepSummary& summary = *run->summary().mutable_summary();
    summary.set_compute_seconds(turn.Stop());
    for (SweepGrid& grid : result.grids) {
      AddGrid(std::move(grid), static_cast<int64_t>(request.pairs.size()), per_prompt, *run);
    }
    *summary.mutable_clean_metric() = ToMetricValue(result.clean);
    *summary.mutable_corrupted_metric() = ToMetricValue(result.corrupted);
    for (const int token : request.pairs.front().clean) *summary.add_tokens() = ToProto(token, model);
    summary.set_prompts_are_equally_long(EquallyLong(request.pairs));
    return absl::OkStatus();
  }

  absl::Status PatchPaths(const Model& model, const PathPatchingRequest& request, uint64_t runs, bool per_prompt,
                          const std::shared_ptr<StreamedRun<v1::RunPathPatchingResponse>>& run) const {
    DeviceTurn turn(parts_, model, *run->control());
    run->Report(Progress<v1::RunPathPatchingResponse>(0, runs));
    ASSIGN_OR_RETURN(const PathPatchingResult result,
                     circuitd::RunPathPatching(model, request, turn.Options(), Reporter(run)));
    v1::RunPathPatchingSummary& summary = *run->summary().mutable_summary();
    summary.set_compute_seconds(turn.Stop());
    AddPaths(result.paths, static_cast<int64_t>(request.pairs.size()), per_prompt, *run);
    *summary.mutable_clean_metric() = ToMetricValue(result.clean);
    *summary.mutable_corrupted_metric() = ToMetricValue(result.corrupted);
    return absl::OkStatus();
  }

  const ServerParts& parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakePatchingService(const ServerParts& parts) {
  return std::make_unique<PatchingService>(parts);
}

}  // namespace circuitd
