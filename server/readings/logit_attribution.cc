#include "server/readings/logit_attribution.h"

#include <algorithm>

#include "base/status.h"
#include "server/model/gpt2.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"
#include "server/model/micro_batch.h"
#include "server/model/torch_border.h"

namespace circuitd {
namespace {

// The mean of the tokens' rows of W_U, float64 [d_model].
at::Tensor MeanUnembedding(const at::Tensor& unembed, const std::vector<int>& tokens) {
  constexpr size_t kTokensAtOnce = 1024;
  at::Tensor sum = at::zeros({unembed.size(1)}, unembed.options().dtype(at::kDouble));
  for (size_t begin = 0; begin < tokens.size(); begin += kTokensAtOnce) {
    const auto end = tokens.begin() + std::min(tokens.size(), begin + kTokensAtOnce);
    const std::vector<int64_t> ids(tokens.begin() + begin, end);
    sum +=
        unembed.index_select(0, at::tensor(ids, at::kLong).to(unembed.device())).sum(0, /*keepdim=*/false, at::kDouble);
  }
  return sum / static_cast<double>(tokens.size());
}

// Mean W_U of the correct tokens minus that of the incorrect ones, float64 [batch, d_model].
at::Tensor UnembeddingDifferences(const Gpt2& network, absl::Span<const Answer> answers) {
  const at::Tensor& unembed = network.weights().unembed;
  std::vector<at::Tensor> rows;
  for (const Answer& answer : answers) {
    rows.push_back(MeanUnembedding(unembed, answer.correct) - MeanUnembedding(unembed, answer.incorrect));
  }
  return at::stack(rows);
}

// Projects what components write at the last positions on a direction for each prompt. A head's output is never made:
// z_h W_O[h] . direction is z_h . (W_O[h] direction).
class ComponentProjection : public Hooks {
 public:
  // directions [batch, d_model] float64
  ComponentProjection(const Gpt2& network, const PaddedPrompts& prompts, at::Tensor directions)
      : network_(network), prompts_(prompts), directions_(std::move(directions)) {}

  bool Wants(HookPoint point) const override {
    return point.kind == HookKind::kEmbed || point.kind == HookKind::kPosEmbed || point.kind == HookKind::kZ ||
           point.kind == HookKind::kMlpOut;
  }

  void Visit(HookPoint point, at::Tensor& value) override {
    const at::Tensor rows =
        AtLastPosition(value, prompts_).to(at::kDouble);  // [batch, d_model], z [batch, heads, d_head]
    if (point.kind != HookKind::kZ) {
      projections_.push_back((rows * directions_).sum(-1).unsqueeze(0));  // [1, batch]
      return;
    }
    const BlockWeights& w = network_.weights().blocks[point.layer];
    const at::Tensor seen = at::matmul(directions_, w.o_weight.to(at::kDouble).t());         // [batch, d_model]
    projections_.push_back((rows * seen.view_as(rows)).sum(-1).t());                         // [n_heads, batch]
    projections_.push_back(at::matmul(directions_, w.o_bias.to(at::kDouble)).unsqueeze(0));  // [1, batch]
  }

  // [components without ln_final's bias, batch] float64, in the order of AllComponents, which is that of the visits.
  at::Tensor Take() const { return at::cat(projections_); }

 private:
  const Gpt2& network_;
  const PaddedPrompts& prompts_;
  const at::Tensor directions_;
  std::vector<at::Tensor> projections_;
};

class Attribution {
 public:
  Attribution(const Gpt2& network, const std::vector<std::vector<int>>& prompts, const std::vector<Answer>& answers)
      : network_(network), prompts_(prompts), answers_(answers) {
    result_.per_prompt.resize(AllComponents(network.config()).size() * prompts.size());
    result_.logit_diff.reserve(prompts.size());
  }

  // One micro-batch; without effect when it fails.
  absl::Status Run(MicroBatch batch) {
    const Gpt2Weights& weights = network_.weights();
    const PaddedPrompts padded = Pad(Rows(prompts_, batch), network_.device());
    const at::Tensor differences = UnembeddingDifferences(network_, Rows(answers_, batch));  // [batch, d_model]
    const at::Tensor weighted = differences * weights.ln_final_weight.to(at::kDouble);
    // To centre the direction is to centre whatever is projected on it.
    ComponentProjection projection(network_, padded, weighted - weighted.mean(-1, /*keepdim=*/true));
    const at::Tensor residual = network_.Run(padded.tokens, &projection);
    const at::Tensor logits = LastLogits(network_, residual, padded);
    RETURN_IF_ERROR(CheckFinite(logits, batch.begin));

    const at::Tensor last = AtLastPosition(residual, padded).to(at::kDouble);  // [batch, d_model]
    const at::Tensor scale =
        (last.var(-1, /*unbiased=*/false) + network_.config().layer_norm_epsilon).sqrt();                 // [batch]
    const at::Tensor bias = at::matmul(differences, weights.ln_final_bias.to(at::kDouble)).unsqueeze(0);  // [1, batch]
    const at::Tensor contributions = at::cat({projection.Take() / scale, bias}).cpu();  // [components, batch]
    const std::vector<double> logit_diff = MetricPerPrompt(Metric::kLogitDiff, logits, {}, Rows(answers_, batch));
    PerPrompt().narrow(1, batch.begin, logit_diff.size()).copy_(contributions);
    result_.logit_diff.insert(result_.logit_diff.end(), logit_diff.begin(), logit_diff.end());
    return absl::OkStatus();
  }

  absl::StatusOr<LogitAttribution> TakeResult() {
    const at::Tensor mean = PerPrompt().mean(-1);  // [components]
    result_.mean.assign(mean.data_ptr<double>(), mean.data_ptr<double>() + mean.numel());
    return std::move(result_);
  }

 private:
  // The result's [components, prompts].
  at::Tensor PerPrompt() {
    const int64_t prompts = prompts_.size();
    return at::from_blob(result_.per_prompt.data(),
                         {static_cast<int64_t>(result_.per_prompt.size()) / prompts, prompts}, at::kDouble);
  }

  const Gpt2& network_;
  const std::vector<std::vector<int>>& prompts_;
  const std::vector<Answer>& answers_;
  LogitAttribution result_;
};

}  // namespace

std::vector<Component> AllComponents(const ModelConfig& config) {
  std::vector<Component> all = {{Component::Kind::kEmbed}, {Component::Kind::kPosEmbed}};
  for (int layer = 0; layer < config.n_layers; ++layer) {
    for (int head = 0; head < config.n_heads; ++head) all.push_back({Component::Kind::kHead, layer, head});
    all.push_back({Component::Kind::kAttentionBias, layer});
    all.push_back({Component::Kind::kMlp, layer});
  }
  all.push_back({Component::Kind::kLnFinalBias});
  return all;
}

absl::StatusOr<LogitAttribution> AttributeLogits(const Model& model, const std::vector<std::vector<int>>& prompts,
                                                 const std::vector<Answer>& answers, const ForwardOptions& options) {
  const Gpt2& network = model.network();
  MicroBatchLimits limits = MetricLimits(network, options.memory_budget_bytes);
  // Differences, directions, what is projected and its products, in float64.
  limits.extra_bytes_per_prompt += 8 * int64_t{sizeof(double)} * network.config().d_model;
  const auto batches = SplitIntoMicroBatches(model.config(), prompts, limits);
  return InTorch([&]() -> absl::StatusOr<LogitAttribution> {
    Attribution attribution(network, prompts, answers);
    RETURN_IF_ERROR(ForEachMicroBatch(batches, options.checkpoint, [&](MicroBatch batch) {
      return InTorch([&] { return attribution.Run(batch); });
    }));
    return attribution.TakeResult();
  });
}

}  // namespace circuitd
