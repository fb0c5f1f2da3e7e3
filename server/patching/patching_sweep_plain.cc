// Sweeps by whole forward passes, one a patch: slow, and so plain that it can be trusted.
#include <algorithm>
#include <utility>

#include "base/status.h"
#include "server/model/gpt2.h"
#include "server/model/hook_sizes.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "server/model/micro_batch.h"
#include "server/model/prompt_length.h"
#include "server/model/torch_border.h"
#include "server/patching/paired_runs.h"
#include "server/patching/patching_sweep.h"
#include "server/patching/sweep_grids.h"

namespace circuitd {
namespace {

// Replaces one column of one hook point.
class ColumnHooks : public Hooks {
 public:
  ColumnHooks(HookPoint point, int column, const at::Tensor& source, absl::Span<const std::vector<int>> prompts)
      : point_(point), column_(column), source_(source), prompts_(prompts) {}

  bool Wants(HookPoint point) const override { return point == point_; }
  void Visit(HookPoint, at::Tensor& value) override {
    value = value.clone();
    if (ColumnsAreHeads(point_.kind)) {
      const int64_t heads_axis = AxesOf(point_.kind) == HookAxes::kPosHeads ? 2 : 1;
      value.select(heads_axis, column_).copy_(source_.select(heads_axis, column_));
      return;
    }
    for (size_t row = 0; row < prompts_.size(); ++row) {
      const auto position = ColumnPosition(column_, prompts_[row].size());
      if (position) value[row][*position].copy_(source_[row][*position]);
    }
  }

 private:
  const HookPoint point_;
  const int column_;
  const at::Tensor& source_;
  const absl::Span<const std::vector<int>> prompts_;
};

// Room for the activations that are kept of the source prompts.
MicroBatchLimits Limits(const Gpt2& network, const SweepRequest& request, int64_t longest, int64_t budget_bytes) {
  MicroBatchLimits limits = MetricLimits(network, budget_bytes);
  const ModelConfig& config = network.config();
  for (const HookKind hook : request.hooks) {
    limits.extra_bytes_per_token += config.n_layers * ElementsPerToken(config, hook, longest) * limits.element_size;
  }
  return limits;
}

}  // namespace

absl::StatusOr<SweepResult> RunSweepPlainly(const Model& model, const SweepRequest& request,
                                            const ForwardOptions& options) {
  const Gpt2& network = model.network();
  const LayerProducts products(network, network.config().n_layers);  // the weights as they are
  const PairColumns pairs(request.pairs);
  const bool denoising = request.direction == PatchingDirection::kDenoising;
  const KeptHooks nothing, source_hooks{{request.hooks.begin(), request.hooks.end()}, 0};
  SweepResult result = EmptySweepResult(model.config(), request);

  const auto run = [&](MicroBatch batch) -> absl::Status {
    const BaseRun clean(products, Rows(pairs.clean, batch), denoising ? source_hooks : nothing);
    const BaseRun corrupted(products, Rows(pairs.corrupted, batch), denoising ? nothing : source_hooks);
    const PaddedPrompts& base_prompts = (denoising ? corrupted : clean).prompts();
    const BaseRun& source = denoising ? clean : corrupted;
    const at::Tensor &clean_logits = clean.last_logits(), &corrupted_logits = corrupted.last_logits();
    RETURN_IF_ERROR(CheckFinite(clean_logits, batch.begin));
    RETURN_IF_ERROR(CheckFinite(corrupted_logits, batch.begin));
    const auto metric = [&](const at::Tensor& logits) {
      return MetricPerPrompt(request.metric, logits, clean_logits, Rows(pairs.answers, batch));
    };
    const auto clean_values = metric(clean_logits), corrupted_values = metric(corrupted_logits);
    std::copy(clean_values.begin(), clean_values.end(), result.clean.begin() + batch.begin);
    std::copy(corrupted_values.begin(), corrupted_values.end(), result.corrupted.begin() + batch.begin);

    for (SweepGrid& grid : result.grids) {
      for (size_t layer = 0; layer < grid.layers.size(); ++layer) {
        for (size_t column = 0; column < grid.columns.size(); ++column) {
          if (options.checkpoint) RETURN_IF_ERROR(options.checkpoint());
          const HookPoint point{grid.hook, grid.layers[layer]};
          ColumnHooks hooks(point, grid.columns[column], source.At(point.kind, point.layer), Rows(pairs.clean, batch));
          const at::Tensor patched = LastLogits(network, network.Run(base_prompts.tokens, &hooks), base_prompts);
          RETURN_IF_ERROR(CheckFinite(patched, batch.begin));
          const auto values = metric(patched);
          for (size_t row = 0; row < values.size(); ++row) {
            const size_t prompt = batch.begin + row;
            if (!HasColumn(request, grid.hook, grid.columns[column], prompt)) continue;
            grid.per_prompt[ValueIndex(grid, layer, column, prompt, request.pairs.size())] = values[row];
          }
        }
      }
    }
    return absl::OkStatus();
  };
  const auto batches = SplitIntoMicroBatches(
      model.config(), pairs.clean, Limits(network, request, LongestPrompt(pairs.clean), options.memory_budget_bytes));
  RETURN_IF_ERROR(ForEachMicroBatch(batches, options.checkpoint,
                                    [&](MicroBatch batch) { return InTorch([&] { return run(batch); }); }));
  FillMeans(request, result);
  return result;
}

}  // namespace circuitd
