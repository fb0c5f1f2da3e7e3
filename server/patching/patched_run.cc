#include "server/patching/patched_run.h"

#include <utility>

#include "base/status.h"
#include "server/model/activation_recorder.h"
#include "server/model/batch_run.h"
#include "server/model/gpt2.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "server/model/micro_batch.h"
#include "server/model/torch_border.h"
#include "server/patching/hook_means.h"
#include "server/patching/intervention_hooks.h"
#include "server/patching/partial_run.h"
#include "server/patching/patched_run_limits.h"

namespace circuitd {
namespace {

class PatchedRun {
 public:
  // `captured` are the captured positions of each prompt; none without a capture.
  PatchedRun(const Gpt2& network, const PatchedRunRequest& request, const HookMeans& means,
             std::vector<std::vector<int>> captured)
      : network_(network),
        request_(request),
        means_(means),
        resampled_(HooksOf(request, Ablation::kResample)),
        captured_(std::move(captured)) {
    if (request.metric) result_.metric.emplace();
  }

  // Runs one micro-batch; without effect on the result when it fails.
  absl::Status Run(MicroBatch batch) {
    const PaddedPrompts prompts = Pad(Rows(request_.prompts, batch), network_.device());
    RunWithHooks(batch, prompts);
    ASSIGN_OR_RETURN(const std::vector<PromptLogits> part, ReadLogits(run_.last_logits, request_.logits, batch.begin));
    if (request_.metric) RETURN_IF_ERROR(AppendMetric(batch, prompts));
    Append(result_.prompts, part);
    return absl::OkStatus();
  }

  // Gives `sink` the tensors of the micro-batch that was run last.
  absl::Status Sink(MicroBatch batch, const TensorSink& sink) {
    return SinkTensors(network_, run_, *recorder_, Rows(request_.prompts, batch), request_.logits.full_logits,
                       batch.begin, sink);
  }

  PatchedRunResult TakeResult() { return std::move(result_); }

 private:
  void RunWithHooks(MicroBatch batch, const PaddedPrompts& prompts) {
    const InterventionSlices slices(network_, request_, batch);
    SourceSlices sources(slices);
    if (!resampled_.empty()) {
      const PaddedPrompts source_prompts = Pad(Rows(request_.source_prompts, batch), network_.device());
      RunUpTo(network_, source_prompts.tokens, resampled_, &sources);
    }
    InterventionHooks interventions(slices, means_, sources);
    const auto captured = captured_.empty() ? absl::Span<const std::vector<int>>() : Rows(captured_, batch);
    recorder_.emplace(network_, request_.capture, Rows(request_.prompts, batch), captured, &interventions);
    run_ = RunBatch(network_, prompts, &*recorder_);
  }

  absl::Status AppendMetric(MicroBatch batch, const PaddedPrompts& prompts) {
    const at::Tensor unpatched = RunBatch(network_, prompts).last_logits;
    RETURN_IF_ERROR(CheckFinite(unpatched, batch.begin));
    const auto answers = request_.answers.empty() ? absl::Span<const Answer>() : Rows(request_.answers, batch);
    const auto patched_values = MetricPerPrompt(*request_.metric, run_.last_logits, unpatched, answers);
    const auto unpatched_values = MetricPerPrompt(*request_.metric, unpatched, unpatched, answers);
    Append(result_.metric->patched, patched_values);
    Append(result_.metric->unpatched, unpatched_values);
    return absl::OkStatus();
  }

  const Gpt2& network_;
  const PatchedRunRequest& request_;
  const HookMeans& means_;
  const std::vector<HookPoint> resampled_;
  const std::vector<std::vector<int>> captured_;
  // Of the last micro-batch. The recorder's interventions are gone once it has run; it only gives away then.
  std::optional<ActivationRecorder> recorder_;
  BatchRun run_;
  PatchedRunResult result_;
};

}  // namespace

absl::StatusOr<PatchedRunResult> RunPatched(const Model& model, const PatchedRunRequest& request,
                                            const ForwardOptions& options, const TensorSink& sink) {
  const Gpt2& network = model.network();
  std::vector<std::vector<int>> captured;
  if (!request.capture.hooks.empty()) {
    ASSIGN_OR_RETURN(captured, SelectPositionsOfAll(request.capture.positions, request.prompts, request.roles));
  }
  ASSIGN_OR_RETURN(const HookMeans means,
                   CaptureHookMeans(network, request.source_prompts, HooksOf(request, Ablation::kMean), nullptr,
                                    options.memory_budget_bytes, options.checkpoint));
  PatchedRun run(network, request, means, std::move(captured));
  const auto batches = SplitIntoMicroBatches(model.config(), request.prompts,
                                             PatchedRunLimits(network, request, means, options.memory_budget_bytes));
  RETURN_IF_ERROR(ForEachMicroBatch(
      batches, options.checkpoint, [&](MicroBatch batch) { return InTorch([&] { return run.Run(batch); }); },
      [&](MicroBatch batch) { return InTorch([&] { return run.Sink(batch, sink); }); }));
  return run.TakeResult();
}

}  // namespace circuitd
