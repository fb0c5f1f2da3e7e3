#include "server/patching/path_receiver.h"

#include <utility>
#include <vector>

#include "server/model/layer_parts.h"
#include "server/patching/suffix_run.h"

namespace circuitd {
namespace {

using Kind = Node::Kind;
using Input = Node::Input;

// A head whose q, k or v is made of another input.
class HeadReceiver {
 public:
  HeadReceiver(const Gpt2& network, const BaseRun& clean, const Node& receiver, int64_t first, int64_t patches)
      : network_(network), clean_(clean), receiver_(receiver), first_(first), patches_(patches) {}

  // input [patches, batch, rows, d_model] -> resid_mid, of the same shape.
  at::Tensor ResidMid(const at::Tensor& input) const {
    const ModelConfig& config = network_.config();
    const int l = receiver_.layer;
    const at::Tensor changed = Changed(Ln1(network_, l, input));
    const auto all_positions = [&](HookKind kind, Input is) {
      const at::Tensor clean = OfCopies(kind);
      return receiver_.input == is ? at::cat({clean.narrow(1, 0, first_), changed}, 1) : clean;
    };
    const at::Tensor q = receiver_.input == Input::kQ ? changed : FromFirst(OfCopies(HookKind::kQ));
    const at::Tensor pattern = AttentionPattern(config, l, q, all_positions(HookKind::kK, Input::kK),
                                                FutureMask(first_, clean_.pos(), network_.device()));
    const at::Tensor z = ZOf(pattern, all_positions(HookKind::kV, Input::kV));  // [patches * batch, rows, 1, d_head]
    const at::Tensor z_change = z - FromFirst(OfCopies(HookKind::kZ));
    const at::Tensor sent =
        at::matmul(z_change.reshape({-1, config.d_head}), OutputWeight(network_, l, receiver_.head));
    return FromFirst(clean_.At(HookKind::kResidMid, l)) + sent.view(input.sizes());
  }

 private:
  at::Tensor FromFirst(const at::Tensor& x) const { return x.narrow(1, first_, x.size(1) - first_); }

  // The head's q, k or v of other rows: [patches * batch, rows, 1, d_head].
  at::Tensor Changed(const at::Tensor& normalized) const {
    const ModelConfig& config = network_.config();
    const BlockWeights& w = network_.weights().blocks[receiver_.layer];
    const int part = receiver_.input == Input::kQ ? 0 : receiver_.input == Input::kK ? 1 : 2;
    const int64_t column = int64_t{part} * config.d_model + int64_t{receiver_.head} * config.d_head;
    return Affine(normalized, w.attn_weight.narrow(1, column, config.d_head),
                  w.attn_bias.narrow(0, column, config.d_head))
        .flatten(0, 1)
        .unsqueeze(2);
  }

  // The head's part of the clean run's value, for each patch: [patches * batch, pos, 1, d_head].
  at::Tensor OfCopies(HookKind kind) const {
    const at::Tensor own = clean_.At(kind, receiver_.layer).narrow(2, receiver_.head, 1);
    return own.unsqueeze(0).expand({patches_, -1, -1, -1, -1}).flatten(0, 1);
  }

  const Gpt2& network_;
  const BaseRun& clean_;
  const Node& receiver_;
  const int64_t first_;
  const int64_t patches_;
};

}  // namespace

bool ReadsLastOnly(const ModelConfig& config, const Node& receiver) {
  return receiver.kind == Kind::kLogits || (receiver.kind == Kind::kMlp && receiver.layer == config.n_layers - 1);
}

at::Tensor RunReceiver(const LayerProducts& products, const BaseRun& clean, const Node& receiver, const PathRows& rows,
                       const at::Tensor& changes) {
  const Gpt2& network = products.network();
  const int l = receiver.layer;
  const auto of_rows = [&](const at::Tensor& x) { return rows.Of(x, clean.prompts()); };
  // residual [patches, batch, rows, d_model].
  const auto go_on = [&](int layer, SuffixStart start, const at::Tensor& residual) {
    std::vector<int64_t> prompts;
    for (int64_t copy = 0; copy < residual.size(0) * clean.batch(); ++copy) prompts.push_back(copy % clean.batch());
    const SuffixSegment segment{rows.first, std::move(prompts), residual.flatten(0, 1)};
    return RunSuffix(products, clean, layer, start, {segment}).unflatten(0, {-1, clean.batch()});
  };
  if (receiver.kind == Kind::kLogits) return (of_rows(clean.Residual(network.config().n_layers)) + changes).squeeze(2);
  if (receiver.kind == Kind::kMlp) {
    const at::Tensor mid = of_rows(clean.At(HookKind::kResidMid, l));
    const at::Tensor post = mid + MlpOut(products, l, mid + changes);
    return rows.last_only ? post.squeeze(2) : go_on(l + 1, SuffixStart::kBeforeAttention, post);
  }
  const HeadReceiver head(network, clean, receiver, rows.first, changes.size(0));
  return go_on(l, SuffixStart::kAfterAttention, head.ResidMid(of_rows(clean.Residual(l)) + changes));
}

}  // namespace circuitd
