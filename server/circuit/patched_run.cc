#include "server/circuit/patched_run.h"

#include <utility>

#include "base/status.h"
#include "server/circuit/activation_means.h"
#include "server/circuit/metric_values.h"
#include "server/circuit/slice_patch.h"
#include "server/model/gpt2.h"
#include "server/model/logit_readout.h"
#include "server/model/micro_batch.h"
#include "server/model/torch_border.h"

namespace circuitd {
namespace {

// What the source prompts' means are needed of.
CaptureLayers LayersOfMeans(const ModelConfig& config, const PatchedRunRequest& request) {
  CaptureLayers layers{std::vector<bool>(config.n_layers), std::vector<bool>(config.n_layers)};
  for (const Intervention& i : request.interventions) {
    if (i.ablation == Ablation::kMean) (i.hook.kind == HookKind::kZ ? layers.z : layers.mlp_out)[i.hook.layer] = true;
  }
  return layers;
}

template <typename T>
void Append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

class PatchedRun {
 public:
  PatchedRun(const Model& model, const PatchedRunRequest& request, const ActivationMeans& means)
      : network_(model.network()), request_(request), means_(means) {
    if (request.metric) result_.metric.emplace();
  }

  // Runs one micro-batch; without effect on the result when it fails.
  absl::Status Run(MicroBatch batch) {
    const PaddedPrompts prompts = Pad(Rows(request_.prompts, batch), network_.device());
    SourceCapture sources(request_.interventions);
    if (sources.size() > 0) Residual(Pad(Rows(request_.source_prompts, batch), network_.device()), &sources);
    SlicePatch patch(request_.interventions, means_, sources, prompts);
    residual_ = Residual(prompts, &patch);
    logits_ = LastLogits(network_, residual_, prompts);
    ASSIGN_OR_RETURN(const std::vector<PromptLogits> part, ReadLogits(logits_, request_.logits, batch.begin));
    if (request_.metric) {
      const at::Tensor unpatched = LastLogits(network_, Residual(prompts, nullptr), prompts);
      RETURN_IF_ERROR(CheckFinite(unpatched, batch.begin));
      const auto answers = request_.answers.empty() ? absl::Span<const Answer>() : Rows(request_.answers, batch);
      const auto patched_values = MetricPerPrompt(*request_.metric, logits_, unpatched, answers);
      const auto unpatched_values = MetricPerPrompt(*request_.metric, unpatched, unpatched, answers);
      Append(result_.metric->patched, patched_values);
      Append(result_.metric->unpatched, unpatched_values);
    }
    Append(result_.prompts, part);
    return absl::OkStatus();
  }

  // Gives `sink` the full logits of the micro-batch that was run last.
  absl::Status Sink(MicroBatch batch, const TensorSink& sink) const {
    return SinkFullLogits(network_, residual_, logits_, Rows(request_.prompts, batch), request_.logits.full_logits,
                          batch.begin, sink);
  }

  PatchedRunResult TakeResult() { return std::move(result_); }

 private:
  template <typename T>
  static absl::Span<const T> Rows(const std::vector<T>& all, MicroBatch batch) {
    return absl::MakeConstSpan(all).subspan(batch.begin, batch.end - batch.begin);
  }

  at::Tensor Residual(const PaddedPrompts& prompts, Hooks* hooks) const {
    return network_.RunLayers(network_.Embed(prompts.tokens, hooks), 0, network_.config().n_layers, hooks);
  }

  const Gpt2& network_;
  const PatchedRunRequest& request_;
  const ActivationMeans& means_;
  at::Tensor residual_, logits_;  // of the last micro-batch
  PatchedRunResult result_;
};

// Room for the metric, if there is one, and for the activations that are kept of the source prompts.
MicroBatchLimits Limits(const Gpt2& network, const PatchedRunRequest& request, int64_t budget_bytes) {
  MicroBatchLimits limits =
      request.metric ? MetricLimits(network, budget_bytes) : LimitsFor(network.device(), network.dtype(), budget_bytes);
  limits.extra_bytes_per_token = static_cast<int64_t>(SourceCapture(request.interventions).size()) *
                                 network.config().d_model * limits.element_size;
  return limits;
}

}  // namespace

absl::StatusOr<PatchedRunResult> RunPatched(const Model& model, const PatchedRunRequest& request,
                                            const ForwardOptions& options, const TensorSink& sink) {
  ActivationMeans means;
  const CaptureLayers layers = LayersOfMeans(model.config(), request);
  if (layers.end_layer() > 0) {
    ASSIGN_OR_RETURN(means, CaptureMeans(model.network(), request.source_prompts, layers, nullptr,
                                         options.memory_budget_bytes, options.checkpoint));
  }
  PatchedRun run(model, request, means);
  const auto batches = SplitIntoMicroBatches(model.config(), request.prompts,
                                             Limits(model.network(), request, options.memory_budget_bytes));
  RETURN_IF_ERROR(ForEachMicroBatch(
      batches, options.checkpoint, [&](MicroBatch batch) { return InTorch([&] { return run.Run(batch); }); },
      [&](MicroBatch batch) { return InTorch([&] { return run.Sink(batch, sink); }); }));
  return run.TakeResult();
}

}  // namespace circuitd
