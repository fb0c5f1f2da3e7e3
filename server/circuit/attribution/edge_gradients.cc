#include "server/circuit/attribution/edge_gradients.h"

#include <torch/csrc/autograd/autograd.h>

#include <utility>

#include "base/status.h"
#include "server/model/logit_readout.h"

namespace circuitd {
namespace {

// The numbers of one prompt's tokens in logits [batch, d_vocab] as one row.
at::Tensor FlatIndex(int64_t prompt, const std::vector<int>& tokens, const at::Tensor& logits) {
  std::vector<int64_t> index;
  for (const int token : tokens) index.push_back(prompt * logits.size(1) + token);
  return at::tensor(index, at::kLong).to(logits.device());
}

// The sum over prompts of what `of_side` makes of values [tokens] on the correct side, minus that on the incorrect one.
template <typename OfSide>
at::Tensor SidesDifference(const at::Tensor& values, absl::Span<const Answer> answers, const OfSide& of_side) {
  const at::Tensor flat = values.flatten();
  at::Tensor sum = at::zeros({}, values.options());
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto side = [&](const std::vector<int>& tokens) {
      return of_side(flat.index_select(0, FlatIndex(static_cast<int64_t>(i), tokens, values)));
    };
    sum = sum + side(answers[i].correct) - side(answers[i].incorrect);
  }
  return sum;
}

// Keeps what gradients are taken at: q, k, v themselves, which nothing else reads, and a name of its own for what the
// MLP reads of the residual stream, which others read too.
class ReceiverHooks final : public Hooks {
 public:
  ReceiverHooks(int n_layers, const std::optional<ReplacedOutput>& replaced) : layers_(n_layers), replaced_(replaced) {}

  bool Wants(HookPoint point) const override {
    switch (point.kind) {
      case HookKind::kResidPre:
      case HookKind::kQ:
      case HookKind::kK:
      case HookKind::kV:
      case HookKind::kMlpIn:
        return true;
      default:
        return replaced_ && point == replaced_->point;
    }
  }

  void Visit(HookPoint point, at::Tensor& value) override {
    if (replaced_ && point == replaced_->point) {
      value = replaced_->value;
      return;
    }
    LayerGradients& layer = layers_[point.layer];
    if (point.kind == HookKind::kResidPre) {
      layer.resid_pre = value.detach();
    } else if (point.kind == HookKind::kMlpIn) {
      value = value.view_as(value);
      layer.mlp_in = value;
    } else {
      layer.qkv[static_cast<int>(point.kind) - static_cast<int>(HookKind::kQ)] = value;
    }
  }

  // What was visited, where gradients are to be.
  std::vector<LayerGradients>& layers() { return layers_; }

 private:
  std::vector<LayerGradients> layers_;
  const std::optional<ReplacedOutput>& replaced_;
};
static_assert(static_cast<int>(HookKind::kV) == static_cast<int>(HookKind::kQ) + 2);

}  // namespace

at::Tensor SummedLoss(Metric metric, const at::Tensor& logits, const at::Tensor& reference,
                      absl::Span<const Answer> answers) {
  const at::Tensor wide = logits.to(at::kDouble);
  if (metric == Metric::kLogitDiff) {
    return -SidesDifference(wide, answers, [](const at::Tensor& values) { return values.mean(); });
  }
  if (metric == Metric::kProbDiff) {
    return -SidesDifference(wide.softmax(-1), answers, [](const at::Tensor& values) { return values.sum(); });
  }
  const at::Tensor log_probs = wide.log_softmax(-1);
  if (metric == Metric::kKlDiv) {
    const at::Tensor expected = reference.to(at::kDouble).log_softmax(-1);
    return (expected.exp() * (expected - log_probs)).sum();
  }
  const at::Tensor flat = log_probs.flatten();
  at::Tensor sum = at::zeros({}, wide.options());
  for (size_t i = 0; i < answers.size(); ++i) {
    sum = sum - flat.index_select(0, FlatIndex(static_cast<int64_t>(i), answers[i].correct, wide)).logsumexp(0);
  }
  return sum;
}

absl::StatusOr<EdgeGradients> RunWithGradients(const GradientRun& run, const Checkpoint& checkpoint) {
  if (checkpoint) RETURN_IF_ERROR(checkpoint());
  const int n_layers = run.network.config().n_layers;
  // The weights want no gradient: what the whole run depends on must.
  const at::Tensor embedding = run.embedding.detach().requires_grad_(true);
  ReceiverHooks hooks(n_layers, run.replaced);
  const at::Tensor residual = run.network.RunLayers(embedding, 0, n_layers, &hooks);
  const at::Tensor logits = run.network.Unembed(AtLastPosition(residual, run.prompts));  // [batch, d_vocab]
  RETURN_IF_ERROR(CheckFinite(logits.detach().to(at::kCPU, at::kFloat), run.first_prompt));
  const at::Tensor loss = SummedLoss(run.metric, logits, run.reference, run.answers);

  std::vector<at::Tensor> inputs;
  for (const LayerGradients& layer : hooks.layers()) {
    inputs.insert(inputs.end(), {layer.qkv[0], layer.qkv[1], layer.qkv[2], layer.mlp_in});
  }
  inputs.push_back(residual);
  if (checkpoint) RETURN_IF_ERROR(checkpoint());
  std::vector<at::Tensor> of_inputs = torch::autograd::grad({loss}, inputs, /*grad_outputs=*/{}, /*retain_graph=*/false,
                                                            /*create_graph=*/false, /*allow_unused=*/true);
  EdgeGradients gradients;
  gradients.logits = of_inputs.back();
  gradients.layers = std::move(hooks.layers());
  for (int layer = 0; layer < n_layers; ++layer) {
    LayerGradients& of_layer = gradients.layers[layer];
    for (int part = 0; part < 3; ++part) of_layer.qkv[part] = std::move(of_inputs[4 * layer + part]);
    of_layer.mlp_in = std::move(of_inputs[4 * layer + 3]);
  }
  return gradients;
}

}  // namespace circuitd
