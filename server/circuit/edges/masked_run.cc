#include "server/circuit/edges/masked_run.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "server/graph/edge_order.h"
#include "server/model/layer_parts.h"

namespace circuitd {
namespace {

at::Tensor Index(const Gpt2& network, const std::vector<int64_t>& values) {
  return at::tensor(values, at::kLong).to(network.device());
}

// Those of x [all, ...], without a copy where that is all of them.
at::Tensor Chosen(const Gpt2& network, const at::Tensor& x, const std::vector<int64_t>& chosen) {
  return static_cast<int64_t>(chosen.size()) == x.size(0) ? x : x.index_select(0, Index(network, chosen));
}

class Runner {
 public:
  Runner(const MaskedRunSetting& setting, const EdgeSet& edges, const InputChange* change)
      : setting_(setting), network_(setting.network()), config_(network_.config()), edges_(edges), change_(change) {}

  MaskedRun Run() {
    const at::Tensor embed = network_.Embed(setting_.tokens);  // [batch, pos, d_model]
    run_.changes = at::zeros({SenderCount(config_), embed.size(0), embed.size(1), config_.d_model}, embed.options());
    run_.layers.resize(config_.n_layers);
    SetOutput(0, embed.unsqueeze(0));
    at::Tensor outside = setting_.outside.select(0, 0).expand_as(embed);
    for (int layer = 0; layer < config_.n_layers; ++layer) {
      MaskedRun::Layer& kept = run_.layers[layer];
      const int heads = SenderRank(config_, Node::Head(layer, 0)), mlp = SenderRank(config_, Node::Mlp(layer));
      kept.outside_pre = outside;
      RunAttention(layer);
      outside =
          outside + setting_.outside.narrow(0, heads, config_.n_heads).sum(0) + network_.weights().blocks[layer].o_bias;
      kept.outside_mid = outside;
      kept.mlp_in = Inputs(ReceiverRank(config_, Node::Mlp(layer)), 1, mlp, outside).select(0, 0);
      SetOutput(mlp, MlpOut(setting_.products, layer, kept.mlp_in).unsqueeze(0));
      outside = outside + setting_.outside.select(0, mlp);
    }
    run_.outside_post = outside;
    run_.residual = Inputs(ReceiverRank(config_, Node::Logits()), 1, SenderCount(config_), outside).select(0, 0);
    return std::move(run_);
  }

 private:
  void RunAttention(int layer) {
    MaskedRun::Layer& kept = run_.layers[layer];
    const int64_t n_heads = config_.n_heads;
    const int rank = SenderRank(config_, Node::Head(layer, 0));
    const int first = ReceiverRank(config_, Node::Head(layer, 0, Node::Input::kQ));
    std::vector<int64_t> receivers(3 * n_heads), heads(n_heads);
    std::iota(receivers.begin(), receivers.end(), 0);
    std::iota(heads.begin(), heads.end(), 0);
    const at::Tensor inputs = Inputs(first, 3 * config_.n_heads, rank, kept.outside_pre);
    kept.qkv = QkvOf(setting_.products, layer, inputs, receivers);
    const auto part = [&](int64_t i) { return kept.qkv.narrow(0, i * n_heads, n_heads); };
    const at::Tensor future = FutureMask(0, kept.outside_pre.size(1), network_.device());
    kept.z = AttendHeads(network_, layer, part(0), part(1), part(2), future);
    SetOutput(rank, HeadOutputs(network_, layer, kept.z, heads));
  }

  // What `count` receivers from `first` on read of the first `senders` senders: [count, batch, pos, d_model], or with
  // one row where it is the same for all.
  at::Tensor Inputs(int first, int count, int64_t senders, const at::Tensor& outside) const {
    std::vector<int> receivers(count);
    std::iota(receivers.begin(), receivers.end(), first);
    const bool is_changed = change_ != nullptr && change_->receiver >= first && change_->receiver < first + count;
    if (!is_changed && SameRows(edges_, receivers, senders)) receivers.resize(1);
    const at::Tensor brought =
        SumsOf(PlacesOf(edges_, receivers, RanksBelow(senders)), run_.changes.narrow(0, 0, senders));
    at::Tensor inputs = brought + outside;
    if (is_changed) inputs.select(0, change_->receiver - first).add_(change_->change);
    return inputs;
  }

  // output [senders, batch, pos, d_model] of senders from `rank` on.
  void SetOutput(int64_t rank, const at::Tensor& output) {
    const int64_t count = output.size(0);
    at::Tensor own = run_.changes.narrow(0, rank, count);
    at::sub_out(own, output, setting_.outside.narrow(0, rank, count));
    for (int64_t i = 0; i < count; ++i) {
      if (setting_.IsFixed(static_cast<int>(rank + i))) own.select(0, i).zero_();
    }
  }

  const MaskedRunSetting& setting_;
  const Gpt2& network_;
  const ModelConfig& config_;
  const EdgeSet& edges_;
  const InputChange* const change_;
  MaskedRun run_;
};

}  // namespace

MaskedRun RunMasked(const MaskedRunSetting& setting, const EdgeSet& edges, const InputChange* change) {
  return Runner(setting, edges, change).Run();
}

std::vector<std::vector<int64_t>> PlacesOf(const EdgeSet& edges, const std::vector<int>& receivers,
                                           const std::vector<int>& senders) {
  std::vector<std::vector<int64_t>> places(receivers.size());
  for (size_t i = 0; i < receivers.size(); ++i) {
    for (size_t place = 0; place < senders.size(); ++place) {
      if (edges.Contains(receivers[i], senders[place])) places[i].push_back(static_cast<int64_t>(place));
    }
  }
  return places;
}

at::Tensor SumsOf(const std::vector<std::vector<int64_t>>& places, const at::Tensor& values) {
  // A product reads each value once for all receivers, but multiplies by zero where an edge is missing: on a CPU, as
  // dear as sixteen of the sums that it spares.
  constexpr int64_t kProductsOfSum = 16;
  const auto receivers = static_cast<int64_t>(places.size());
  int64_t edges = 0;
  for (const std::vector<int64_t>& of_receiver : places) edges += static_cast<int64_t>(of_receiver.size());
  std::vector<int64_t> shape = values.sizes().vec();
  shape[0] = receivers;
  if (values.is_cpu() && edges * kProductsOfSum < receivers * values.size(0)) {
    at::Tensor sums = at::zeros(shape, values.options());
    for (int64_t i = 0; i < receivers; ++i) {
      at::Tensor sum = sums.select(0, i);
      for (const int64_t place : places[i]) sum.add_(values.select(0, place));
    }
    return sums;
  }
  at::Tensor mask = at::zeros({receivers, values.size(0)}, at::kFloat);
  for (int64_t i = 0; i < receivers; ++i) {
    for (const int64_t place : places[i]) mask.data_ptr<float>()[i * values.size(0) + place] = 1;
  }
  return at::matmul(mask.to(values.device(), values.scalar_type()), values.flatten(1)).view(shape);
}

std::vector<int> RanksBelow(int64_t end) {
  std::vector<int> ranks(end);
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

bool SameRows(const EdgeSet& edges, const std::vector<int>& receivers, int64_t senders) {
  return std::all_of(receivers.begin(), receivers.end(), [&](int receiver) {
    for (int sender = 0; sender < senders; ++sender) {
      if (edges.Contains(receiver, sender) != edges.Contains(receivers[0], sender)) return false;
    }
    return true;
  });
}

at::Tensor QkvOf(const LayerProducts& products, int layer, const at::Tensor& inputs,
                 const std::vector<int64_t>& receivers) {
  const Gpt2& network = products.network();
  const ModelConfig& config = network.config();
  const BlockWeights& w = network.weights().blocks[layer];
  const auto count = static_cast<int64_t>(receivers.size());
  std::vector<int64_t> shape = inputs.sizes().vec();
  shape.front() = count;
  shape.back() = config.d_head;
  const at::Tensor normalized = Ln1(network, layer, inputs).flatten(1, -2);  // [inputs, rows, d_model]
  if (count == 3 * config.n_heads && inputs.size(0) == 1) {
    return products.At(layer)
        .attn(normalized[0])
        .unflatten(-1, {count, config.d_head})
        .permute({1, 0, 2})
        .reshape(shape);
  }
  const at::Tensor by_receiver = w.attn_weight.unflatten(-1, {3 * config.n_heads, config.d_head}).transpose(0, 1);
  const at::Tensor weight = Chosen(network, by_receiver, receivers);  // [receivers, d_model, d_head]
  const at::Tensor bias = Chosen(network, w.attn_bias.view({3 * config.n_heads, 1, config.d_head}), receivers);
  return at::baddbmm(bias, normalized.expand({count, -1, -1}), weight).view(shape);
}

at::Tensor HeadOutputs(const Gpt2& network, int layer, const at::Tensor& z, const std::vector<int64_t>& heads) {
  const ModelConfig& config = network.config();
  const at::Tensor by_head = network.weights().blocks[layer].o_weight.view({config.n_heads, config.d_head, -1});
  std::vector<int64_t> shape = z.sizes().vec();
  shape.back() = config.d_model;
  return at::bmm(z.flatten(1, -2), Chosen(network, by_head, heads)).view(shape);
}

at::Tensor AttendHeads(const Gpt2& network, int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                       const at::Tensor& unseen) {
  const auto heads_last = [](const at::Tensor& x) { return x.permute({1, 2, 0, 3}); };  // [batch, pos, heads, d_head]
  const at::Tensor pattern = AttentionPattern(network.config(), layer, heads_last(q), heads_last(k), unseen);
  return ZOf(pattern, heads_last(v)).permute({2, 0, 1, 3});
}

}  // namespace circuitd
