#include "server/circuit/patched_run.h"

#include <iterator>
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

void Append(std::vector<double>& to, const std::vector<double>& from) { to.insert(to.end(), from.begin(), from.end()); }

class PatchedRun {
 public:
  PatchedRun(const Model& model, const PatchedRunRequest& request, const ActivationMeans& means, const TensorSink& sink)
      : network_(model.network()), request_(request), means_(means), sink_(sink) {
    if (request.metric) result_.metric.emplace();
  }

  // Runs one micro-batch; without effect when it runs out of memory.
  absl::Status Run(MicroBatch batch) {
    const size_t size = batch.end - batch.begin;
    const auto rows = absl::MakeConstSpan(request_.prompts).subspan(batch.begin, size);
    at::Tensor residual, logits;
    std::vector<PromptLogits> part;
    std::vector<double> patched, unpatched;
    RETURN_IF_ERROR(InTorch([&]() -> absl::Status {
      const PaddedPrompts prompts = Pad(rows, network_.device());
      SourceCapture sources(request_.interventions);
      if (sources.WantsAny()) {
        const auto source_rows = absl::MakeConstSpan(request_.source_prompts).subspan(batch.begin, size);
        Residual(Pad(source_rows, network_.device()), &sources);
      }
      SlicePatch patch(request_.interventions, means_, sources, prompts);
      residual = Residual(prompts, &patch);
      logits = LastLogits(network_, residual, prompts);
      ASSIGN_OR_RETURN(part, ReadLogits(logits, request_.logits, batch.begin));
      if (request_.metric) {
        const at::Tensor clean_logits = LastLogits(network_, Residual(prompts, nullptr), prompts);
        const auto answers = request_.answers.empty()
                                 ? absl::Span<const Answer>()
                                 : absl::MakeConstSpan(request_.answers).subspan(batch.begin, size);
        patched = MetricPerPrompt(*request_.metric, logits, clean_logits, answers);
        unpatched = MetricPerPrompt(*request_.metric, clean_logits, clean_logits, answers);
      }
      return absl::OkStatus();
    }));
    result_.prompts.insert(result_.prompts.end(), std::make_move_iterator(part.begin()),
                           std::make_move_iterator(part.end()));
    if (request_.metric) {
      Append(result_.metric->patched, patched);
      Append(result_.metric->unpatched, unpatched);
    }
    // Some tensors may have gone out, so a failure here must not make the micro-batch run again in halves.
    sink_status_ = InTorch([&] {
      return SinkFullLogits(network_, residual, logits, rows, request_.logits.full_logits, batch.begin, sink_);
    });
    return sink_status_.ok() ? absl::OkStatus() : absl::AbortedError("sink");
  }

  const absl::Status& sink_status() const { return sink_status_; }
  PatchedRunResult TakeResult() { return std::move(result_); }

 private:
  at::Tensor Residual(const PaddedPrompts& prompts, Hooks* hooks) {
    return network_.RunLayers(network_.Embed(prompts.tokens, hooks), 0, network_.config().n_layers, hooks);
  }

  const Gpt2& network_;
  const PatchedRunRequest& request_;
  const ActivationMeans& means_;
  const TensorSink& sink_;
  absl::Status sink_status_;
  PatchedRunResult result_;
};

}  // namespace

absl::StatusOr<PatchedRunResult> RunPatched(const Model& model, const PatchedRunRequest& request,
                                            const ForwardOptions& options, const TensorSink& sink) {
  ActivationMeans means;
  const CaptureLayers layers = LayersOfMeans(model.config(), request);
  if (layers.end_layer() > 0) {
    ASSIGN_OR_RETURN(means, CaptureMeans(model.network(), request.source_prompts, layers, nullptr,
                                         options.memory_budget_bytes, options.checkpoint));
  }
  PatchedRun run(model, request, means, sink);
  // Captured sources double what a micro-batch holds.
  const auto batches =
      SplitIntoMicroBatches(model.config(), request.prompts, options.memory_budget_bytes / 2, DTypeSize(model.dtype()));
  const absl::Status status =
      ForEachMicroBatch(batches, options.checkpoint, [&](MicroBatch batch) { return run.Run(batch); });
  RETURN_IF_ERROR(run.sink_status());
  RETURN_IF_ERROR(status);
  return run.TakeResult();
}

}  // namespace circuitd
