#include "server/readings/logit_lens.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "server/model/gpt2.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "server/model/micro_batch.h"
#include "server/model/torch_border.h"
#include "server/readings/activation_rows.h"

namespace circuitd {
namespace {

// Logits of a whole vocabulary are 200 KB a row.
constexpr int64_t kRowsAtOnce = 64;

// A position that is unembedded at every stage.
struct LensRow {
  bool reported = false;  // its logits are part of the answer
  bool scored = false;    // its logit difference is
};

// Keeps the residual stream of each stage at the positions.
class StageCapture : public Hooks {
 public:
  StageCapture(const Gpt2& network, absl::Span<const PromptPosition> positions, size_t first_prompt)
      : positions_(positions), first_prompt_(first_prompt) {
    const ModelConfig& config = network.config();
    stages_ = at::empty({static_cast<int64_t>(positions.size()), config.n_layers + 1, config.d_model},
                        network.weights().embed.options());
  }

  bool Wants(HookPoint point) const override { return point.kind == HookKind::kResidPre; }
  void Visit(HookPoint point, at::Tensor& value) override { Keep(point.layer, value); }

  // residual [batch, pos, d_model]
  void Keep(int stage, const at::Tensor& residual) {
    stages_.select(1, stage).copy_(RowsAt(residual, positions_, first_prompt_));
  }

  const at::Tensor& stages() const { return stages_; }

 private:
  const absl::Span<const PromptPosition> positions_;
  const size_t first_prompt_;
  at::Tensor stages_;  // [positions, n_layers + 1, d_model]
};

std::optional<int> Handover(const std::vector<double>& logit_diff) {
  int stage = static_cast<int>(logit_diff.size());
  while (stage > 0 && logit_diff[stage - 1] > 0) --stage;
  return stage < static_cast<int>(logit_diff.size()) ? std::optional<int>(stage) : std::nullopt;
}

class LogitLens {
 public:
  LogitLens(const Gpt2& network, const LogitLensRequest& request, const Checkpoint& checkpoint)
      : network_(network), request_(request), checkpoint_(checkpoint), result_(request.prompts.size()) {
    readout_.top_k = request.top_k;
    readout_.chosen_tokens = request.chosen_tokens;
  }

  // Runs a micro-batch and keeps its residual streams; without effect when it fails.
  absl::Status Run(MicroBatch batch) {
    RETURN_IF_ERROR(SelectRows(batch));
    const PaddedPrompts padded = Pad(Rows(request_.prompts, batch), network_.device());
    StageCapture capture(network_, positions_, batch.begin);
    capture.Keep(network_.config().n_layers, network_.Run(padded.tokens, &capture));
    residuals_ = capture.stages().flatten(0, 1);  // [positions * stages, d_model]
    return absl::OkStatus();
  }

  // Unembeds what the last Run kept.
  absl::Status Read() {
    for (int64_t begin = 0; begin < residuals_.size(0); begin += kRowsAtOnce) {
      if (checkpoint_) RETURN_IF_ERROR(checkpoint_());
      const int64_t count = std::min(kRowsAtOnce, residuals_.size(0) - begin);
      const at::Tensor logits = Unembed(residuals_.narrow(0, begin, count)).to(at::kCPU, at::kFloat).contiguous();
      RETURN_IF_ERROR(ReadBlock(begin, logits));
    }
    return absl::OkStatus();
  }

  std::vector<LensPrompt> TakeResult() { return std::move(result_); }

 private:
  int64_t StageCount() const { return network_.config().n_layers + 1; }

  // The request's positions, and the last ones where there are answers.
  absl::Status SelectRows(MicroBatch batch) {
    PositionSelector last;
    last.indices = {-1};
    ASSIGN_OR_RETURN(const std::vector<PromptPosition> selected,
                     PositionsIn(request_.positions.value_or(last), request_.prompts, request_.roles, batch));
    positions_.clear();
    rows_.clear();
    auto next = selected.begin();
    for (size_t i = batch.begin; i < batch.end; ++i) {
      for (; next != selected.end() && next->prompt == i; ++next) AddRow(*next, {.reported = true});
      if (request_.answers.empty()) continue;
      const PromptPosition end{i, static_cast<int>(request_.prompts[i].size()) - 1};
      if (positions_.empty() || positions_.back().prompt != i || positions_.back().position != end.position) {
        AddRow(end, {.reported = false});
      }
      rows_.back().scored = true;
    }
    return absl::OkStatus();
  }

  void AddRow(PromptPosition position, LensRow row) {
    positions_.push_back(position);
    rows_.push_back(row);
  }

  at::Tensor Unembed(const at::Tensor& residual) const {
    return request_.skip_ln_final ? at::matmul(residual, network_.weights().unembed.t()) : network_.Unembed(residual);
  }

  // logits [block, d_vocab] of the kept residual streams from `begin` on.
  absl::Status ReadBlock(int64_t begin, const at::Tensor& logits) {
    std::vector<size_t> prompts;
    for (int64_t i = 0; i < logits.size(0); ++i) prompts.push_back(positions_[(begin + i) / StageCount()].prompt);
    ASSIGN_OR_RETURN(std::vector<PromptLogits> read, ReadLogits(logits, readout_, prompts));
    for (int64_t i = 0; i < logits.size(0); ++i) {
      const size_t row = (begin + i) / StageCount();
      if (rows_[row].reported) Report(positions_[row], std::move(read[i]));
      if (rows_[row].scored) Score(prompts[i], logits.narrow(0, i, 1));
    }
    return absl::OkStatus();
  }

  // The next stage of a position.
  void Report(PromptPosition at, PromptLogits logits) {
    std::vector<LensPosition>& positions = result_[at.prompt].positions;
    if (positions.empty() || positions.back().position != at.position) {
      positions.push_back({at.position, {}});
      positions.back().layers.reserve(StageCount());
    }
    positions.back().layers.push_back(std::move(logits));
  }

  // The next stage's logits [1, d_vocab] at the last position.
  void Score(size_t prompt, const at::Tensor& logits) {
    LensPrompt& result = result_[prompt];
    const auto answer = absl::MakeConstSpan(&request_.answers[prompt], 1);
    result.logit_diff.push_back(MetricPerPrompt(Metric::kLogitDiff, logits, {}, answer)[0]);
    if (static_cast<int64_t>(result.logit_diff.size()) == StageCount()) result.handover = Handover(result.logit_diff);
  }

  const Gpt2& network_;
  const LogitLensRequest& request_;
  const Checkpoint& checkpoint_;
  LogitsSelection readout_;
  std::vector<PromptPosition> positions_;  // of the last micro-batch
  std::vector<LensRow> rows_;              // of the same
  at::Tensor residuals_;
  std::vector<LensPrompt> result_;
};

MicroBatchLimits Limits(const Gpt2& network, const LogitLensRequest& request, int64_t budget_bytes) {
  MicroBatchLimits limits = MetricLimits(network, budget_bytes);
  const int64_t kept_bytes = (network.config().n_layers + int64_t{1}) * network.config().d_model * limits.element_size;
  limits.extra_bytes_per_prompt += kept_bytes;
  if (request.positions) limits.extra_bytes_per_token = kept_bytes;
  return limits;
}

}  // namespace

std::vector<std::string> LensHooks(const ModelConfig& config) {
  std::vector<std::string> hooks;
  for (int layer = 0; layer < config.n_layers; ++layer) hooks.push_back(HookPointName({HookKind::kResidPre, layer}));
  hooks.push_back(HookPointName({HookKind::kResidPost, config.n_layers - 1}));
  return hooks;
}

absl::StatusOr<std::vector<LensPrompt>> RunLogitLens(const Model& model, const LogitLensRequest& request,
                                                     const ForwardOptions& options) {
  const Gpt2& network = model.network();
  LogitLens lens(network, request, options.checkpoint);
  const auto batches =
      SplitIntoMicroBatches(model.config(), request.prompts, Limits(network, request, options.memory_budget_bytes));
  RETURN_IF_ERROR(ForEachMicroBatch(
      batches, options.checkpoint, [&](MicroBatch batch) { return InTorch([&] { return lens.Run(batch); }); },
      [&](MicroBatch) { return InTorch([&] { return lens.Read(); }); }));
  return lens.TakeResult();
}

}  // namespace circuitd
