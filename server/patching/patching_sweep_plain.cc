// Sweeps by whole forward passes, one a patch: slow, and so plain that it can be trusted.
#include <algorithm>
#include <map>
#include <utility>

#include "base/status.h"
#include "server/model/gpt2.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "server/model/micro_batch.h"
#include "server/model/torch_border.h"
#include "server/patching/patching_sweep.h"
#include "server/patching/sweep_grids.h"

namespace circuitd {
namespace {

// Keeps the values of some kinds of hook points.
class SourceValues : public Hooks {
 public:
  explicit SourceValues(const std::vector<HookKind>& kinds) : kinds_(kinds) {}

  bool Wants(HookPoint point) const override {
    return std::find(kinds_.begin(), kinds_.end(), point.kind) != kinds_.end();
  }
  void Visit(HookPoint point, at::Tensor& value) override { values_[{point.kind, point.layer}] = value; }
  const at::Tensor& At(HookPoint point) const { return values_.at({point.kind, point.layer}); }

 private:
  const std::vector<HookKind>& kinds_;
  std::map<std::pair<HookKind, int>, at::Tensor> values_;
};

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
MicroBatchLimits Limits(const Gpt2& network, const SweepRequest& request, size_t longest, int64_t budget_bytes) {
  MicroBatchLimits limits = MetricLimits(network, budget_bytes);
  const ModelConfig& config = network.config();
  for (const HookKind hook : request.hooks) {
    const int64_t width =
        hook == HookKind::kPattern ? config.n_heads * static_cast<int64_t>(longest) : int64_t{config.d_model};
    limits.extra_bytes_per_token += config.n_layers * width * limits.element_size;
  }
  return limits;
}

}  // namespace

absl::StatusOr<SweepResult> RunSweepPlainly(const Model& model, const SweepRequest& request,
                                            const ForwardOptions& options) {
  const Gpt2& network = model.network();
  std::vector<std::vector<int>> clean, corrupted;
  std::vector<Answer> answers;
  size_t longest = 0;
  for (const PromptPair& pair : request.pairs) {
    clean.push_back(pair.clean);
    corrupted.push_back(pair.corrupted);
    answers.push_back({pair.correct, pair.incorrect});
    longest = std::max(longest, pair.clean.size());
  }
  const bool denoising = request.direction == PatchingDirection::kDenoising;
  SweepResult result = EmptySweepResult(model.config(), request);

  const auto run = [&](MicroBatch batch) -> absl::Status {
    const PaddedPrompts clean_prompts = Pad(Rows(clean, batch), network.device());
    const PaddedPrompts corrupted_prompts = Pad(Rows(corrupted, batch), network.device());
    SourceValues source(request.hooks);
    const auto logits = [&](const PaddedPrompts& prompts, Hooks* hooks) {
      return LastLogits(network, network.Run(prompts.tokens, hooks), prompts);
    };
    const at::Tensor clean_logits = logits(clean_prompts, denoising ? &source : nullptr);
    const at::Tensor corrupted_logits = logits(corrupted_prompts, denoising ? nullptr : &source);
    RETURN_IF_ERROR(CheckFinite(clean_logits, batch.begin));
    RETURN_IF_ERROR(CheckFinite(corrupted_logits, batch.begin));
    const auto metric = [&](const at::Tensor& logits) {
      return MetricPerPrompt(request.metric, logits, clean_logits, Rows(answers, batch));
    };
    const auto clean_values = metric(clean_logits), corrupted_values = metric(corrupted_logits);
    std::copy(clean_values.begin(), clean_values.end(), result.clean.begin() + batch.begin);
    std::copy(corrupted_values.begin(), corrupted_values.end(), result.corrupted.begin() + batch.begin);

    for (SweepGrid& grid : result.grids) {
      for (size_t layer = 0; layer < grid.layers.size(); ++layer) {
        for (size_t column = 0; column < grid.columns.size(); ++column) {
          if (options.checkpoint) RETURN_IF_ERROR(options.checkpoint());
          const HookPoint point{grid.hook, grid.layers[layer]};
          ColumnHooks hooks(point, grid.columns[column], source.At(point), Rows(clean, batch));
          const at::Tensor patched = logits(denoising ? corrupted_prompts : clean_prompts, &hooks);
          RETURN_IF_ERROR(CheckFinite(patched, batch.begin));
          const auto values = metric(patched);
          for (size_t row = 0; row < values.size(); ++row) {
            const size_t prompt = batch.begin + row;
            if (!ColumnsAreHeads(grid.hook) && !ColumnPosition(grid.columns[column], clean[prompt].size())) continue;
            grid.per_prompt[ValueIndex(grid, layer, column, prompt, clean.size())] = values[row];
          }
        }
      }
    }
    return absl::OkStatus();
  };
  const auto batches =
      SplitIntoMicroBatches(model.config(), clean, Limits(network, request, longest, options.memory_budget_bytes));
  RETURN_IF_ERROR(ForEachMicroBatch(batches, options.checkpoint,
                                    [&](MicroBatch batch) { return InTorch([&] { return run(batch); }); }));
  FillMeans(result);
  return result;
}

}  // namespace circuitd
