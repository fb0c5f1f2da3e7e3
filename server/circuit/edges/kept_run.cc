#include "server/circuit/edges/kept_run.h"

#include <algorithm>

#include "server/circuit/edges/masked_run.h"
#include "server/graph/edge_order.h"

namespace circuitd {

KeptRun::KeptRun(const EdgeBatch& batch, const EdgeSet& edges)
    : batch_(batch), edges_(edges), last_layer_(edges.config().n_layers - 1) {
  const ModelConfig& config = edges.config();
  MaskedRun run = RunMasked(batch.setting, edges);
  const at::Tensor& lengths = batch.prompts.lengths;
  // Every prompt's last position is among the rows.
  first_ = std::min(batch.first, lengths.min().item<int64_t>() - 1);
  last_index_ = lengths - 1 - first_;

  const int below_last = SenderRank(config, Node::Head(last_layer_, 0));
  last_changes_ = LastRows(Tail(run.changes));
  tail_changes_ = Tail(run.changes.narrow(0, 0, below_last)).contiguous();
  run.changes = at::Tensor();
  residual_ = LastRows(Tail(run.residual));
  for (int i = 0; i <= last_layer_; ++i) {
    const MaskedRun::Layer& whole = run.layers[i];
    const auto rows = [&](const at::Tensor& x) { return i == last_layer_ ? LastRows(Tail(x)) : Tail(x).contiguous(); };
    Layer& layer = layers_.emplace_back();
    layer.outside_pre = Tail(whole.outside_pre).contiguous();
    if (i == last_layer_) layer.outside_pre_last = LastRows(layer.outside_pre);
    layer.z = rows(whole.z);
    layer.mlp_in = rows(whole.mlp_in);
    layer.qkv = whole.qkv.contiguous().unbind(0);
    for (int head = 0; head < config.n_heads; ++head) layer.qkv[head] = rows(layer.qkv[head]);
    run.layers[i] = {};
  }
}

at::Tensor KeptRun::Tail(const at::Tensor& x) const { return x.narrow(-2, first_, x.size(-2) - first_); }

at::Tensor KeptRun::LastRows(const at::Tensor& x) const {
  using at::indexing::Ellipsis;
  using at::indexing::Slice;
  return x.index({Ellipsis, at::arange(x.size(-3), last_index_.options()), last_index_, Slice()}).unsqueeze(-2);
}

at::Tensor KeptRun::AttentionInputs(int layer, const std::vector<int64_t>& receivers, EdgeRows rows) const {
  const ModelConfig& config = network().config();
  const int first = ReceiverRank(config, Node::Head(layer, 0, Node::Input::kQ));
  std::vector<int> ranks;
  for (const int64_t receiver : receivers) ranks.push_back(first + static_cast<int>(receiver));
  const int64_t senders = SenderRank(config, Node::Head(layer, 0));
  const at::Tensor& outside = rows == EdgeRows::kLast ? layers_[layer].outside_pre_last : layers_[layer].outside_pre;
  return SumsOf(PlacesOf(edges_, ranks, RanksBelow(senders)), changes(rows).narrow(0, 0, senders)) + outside;
}

at::Tensor KeptRun::MlpOut(int layer) const {
  const int rank = SenderRank(network().config(), Node::Mlp(layer));
  const at::Tensor outside = Tail(batch_.setting.outside.select(0, rank));  // [batch or 1, tail, d_model]
  if (RowsOf(layer) == EdgeRows::kTail) return tail_changes_.select(0, rank) + outside;
  return last_changes_.select(0, rank) + LastRows(outside.expand({prompts(), -1, -1}));
}

}  // namespace circuitd
