#include "server/circuit/edges/edge_suffix.h"

#include <algorithm>
#include <utility>

#include "server/circuit/edges/masked_run.h"
#include "server/graph/edge_order.h"
#include "server/model/layer_parts.h"

namespace circuitd {

EdgeRows EdgeSuffix::InputRows(const ModelConfig& config, const Node& receiver) {
  if (receiver.kind == Node::Kind::kLogits) return EdgeRows::kLast;
  const bool may_be_last = receiver.is_mlp() || receiver.input == Node::Input::kQ;
  return may_be_last && receiver.layer == config.n_layers - 1 ? EdgeRows::kLast : EdgeRows::kTail;
}

at::Tensor EdgeSuffix::Run(int receiver, const at::Tensor& change) {
  const Node node = ReceiverOfRank(config_, receiver);
  const int logits = ReceiverRank(config_, Node::Logits());
  if (receiver == logits) return (run_.residual() + change).squeeze(2);
  const int n_heads = config_.n_heads;
  const Start start{(static_cast<int64_t>(node.input) - static_cast<int64_t>(Node::Input::kQ)) * n_heads + node.head,
                    change};
  if (node.layer == config_.n_layers - 1) EnterLastLayer();
  if (node.is_head()) RunAttention(node.layer, &start);
  RunMlp(node.layer, node.is_mlp() ? &start : nullptr);
  for (int layer = node.layer + 1; layer < config_.n_layers; ++layer) {
    if (layer == config_.n_layers - 1) EnterLastLayer();
    RunAttention(layer, nullptr);
    RunMlp(layer, nullptr);
  }
  const at::Tensor brought = Brought({logits}, EdgeRows::kLast).select(0, 0);
  return (run_.residual() + brought).squeeze(2);
}

void EdgeSuffix::RunAttention(int layer, const Start* start) {
  const int64_t n_heads = config_.n_heads;
  std::vector<at::Tensor> fresh(3 * n_heads);
  RunReceivers(layer, EdgeRows::kTail, start, fresh);
  if (run_.RowsOf(layer) == EdgeRows::kLast) RunReceivers(layer, EdgeRows::kLast, start, fresh);
  std::vector<int64_t> heads;
  for (int64_t head = 0; head < n_heads; ++head) {
    if (fresh[head].defined() || fresh[n_heads + head].defined() || fresh[2 * n_heads + head].defined()) {
      heads.push_back(head);
    }
  }
  if (heads.empty()) return;
  const at::Tensor z = AttendHeads(run_.network(), layer, PartOf(layer, 0, heads, fresh),
                                   PartOf(layer, 1, heads, fresh), PartOf(layer, 2, heads, fresh), Unseen(layer))
                           .unflatten(1, {copies_, run_.prompts()});  // [heads, copies, batch, rows, d_head]
  const at::Tensor index = at::tensor(heads, at::kLong).to(z.device());
  const at::Tensor by =
      HeadOutputs(run_.network(), layer, z - run_.z(layer).index_select(0, index).unsqueeze(1), heads);
  const int first = SenderRank(config_, Node::Head(layer, 0));
  for (size_t i = 0; i < heads.size(); ++i) {
    Send(first + static_cast<int>(heads[i]), by[static_cast<int64_t>(i)], run_.RowsOf(layer));
  }
}

std::vector<int64_t> EdgeSuffix::Reached(int layer, EdgeRows rows, const Start* start) const {
  std::vector<int64_t> places;
  const int first = ReceiverRank(config_, Node::Head(layer, 0, Node::Input::kQ));
  for (int place = 0; place < 3 * config_.n_heads; ++place) {
    const Node receiver = ReceiverOfRank(config_, first + place);
    if (InputRows(config_, receiver) != rows) continue;
    if (IsFixed(SenderRank(config_, Node::Head(layer, receiver.head)))) continue;
    if (start != nullptr ? start->place == place : ReadsChanged(first + place)) places.push_back(place);
  }
  return places;
}

void EdgeSuffix::RunReceivers(int layer, EdgeRows rows, const Start* start, std::vector<at::Tensor>& fresh) const {
  const std::vector<int64_t> places = Reached(layer, rows, start);
  if (places.empty()) return;
  const int first = ReceiverRank(config_, Node::Head(layer, 0, Node::Input::kQ));
  std::vector<int> receivers;
  for (const int64_t place : places) receivers.push_back(first + static_cast<int>(place));
  // One input is enough where they read the same.
  const bool same = SameRows(run_.edges(), receivers, SenderRank(config_, Node::Head(layer, 0)));
  const std::vector<int64_t> distinct(places.begin(), same ? places.begin() + 1 : places.end());
  receivers.resize(distinct.size());
  const at::Tensor more = start != nullptr ? start->change.unsqueeze(0) : Brought(receivers, rows);
  const at::Tensor inputs = run_.AttentionInputs(layer, distinct, rows).unsqueeze(1) + more;
  const at::Tensor qkv =
      QkvOf(run_.batch().setting.products, layer, inputs, places);  // [receivers, copies, batch, rows, d_head]
  for (size_t i = 0; i < places.size(); ++i) fresh[places[i]] = qkv[static_cast<int64_t>(i)];
}

at::Tensor EdgeSuffix::PartOf(int layer, int part, const std::vector<int64_t>& heads,
                              const std::vector<at::Tensor>& fresh) const {
  const auto copied = [this](const at::Tensor& kept) { return kept.unsqueeze(0).expand({copies_, -1, -1, -1}); };
  std::vector<at::Tensor> of_heads;
  for (const int64_t head : heads) {
    const int64_t place = part * config_.n_heads + head;
    const at::Tensor& kept = run_.qkv(layer, place);
    if (!fresh[place].defined()) {
      of_heads.push_back(copied(kept));
    } else if (fresh[place].size(2) == kept.size(1)) {
      of_heads.push_back(fresh[place]);
    } else {
      of_heads.push_back(at::cat({copied(kept.narrow(1, 0, run_.first())), fresh[place]}, 2));
    }
  }
  return at::stack(of_heads).flatten(1, 2);
}

at::Tensor EdgeSuffix::Unseen(int layer) const {
  if (run_.RowsOf(layer) == EdgeRows::kTail) return FutureMask(run_.first(), run_.pos(), run_.network().device());
  const at::Tensor& lengths = run_.batch().prompts.lengths;
  const at::Tensor padding = at::arange(run_.pos(), lengths.options()).ge(lengths.unsqueeze(1));  // [batch, pos]
  return padding.repeat({copies_, 1}).view({-1, 1, 1, run_.pos()});
}

void EdgeSuffix::RunMlp(int layer, const Start* start) {
  const int receiver = ReceiverRank(config_, Node::Mlp(layer)), rank = SenderRank(config_, Node::Mlp(layer));
  if (IsFixed(rank) || (start == nullptr && !ReadsChanged(receiver))) return;
  const EdgeRows rows = run_.RowsOf(layer);
  const at::Tensor more = start != nullptr ? start->change : Brought({receiver}, rows).select(0, 0);
  const at::Tensor input = run_.mlp_in(layer) + more;  // [copies, batch, rows, d_model]
  Send(rank, MlpOut(run_.batch().setting.products, layer, input) - run_.MlpOut(layer), rows);
}

bool EdgeSuffix::ReadsChanged(int receiver) const {
  return std::any_of(changed_.begin(), changed_.end(),
                     [&](int sender) { return run_.edges().Contains(receiver, sender); });
}

at::Tensor EdgeSuffix::Brought(const std::vector<int>& receivers, EdgeRows rows) const {
  const at::Tensor& all = rows == EdgeRows::kLast ? last_ : tail_;
  const auto senders = static_cast<int64_t>(changed_.size());
  std::vector<int64_t> shape = run_.changes(rows).sizes().vec();
  shape[0] = copies_;
  if (senders == 0) return at::zeros(shape, run_.residual().options()).unsqueeze(0);
  return SumsOf(PlacesOf(run_.edges(), receivers, changed_), all.narrow(0, 0, senders));
}

void EdgeSuffix::Send(int rank, const at::Tensor& by, EdgeRows rows) {
  at::Tensor& all = rows == EdgeRows::kLast ? last_ : tail_;
  const auto place = static_cast<int64_t>(changed_.size());
  if (!all.defined()) {
    std::vector<int64_t> shape = by.sizes().vec();
    shape.insert(shape.begin(), run_.changes(rows).size(0) - rank);
    all = at::empty(shape, by.options());
  }
  all.select(0, place).copy_(by);
  changed_.push_back(rank);
}

void EdgeSuffix::EnterLastLayer() {
  const auto senders = static_cast<int64_t>(changed_.size());
  std::vector<int64_t> shape = {senders + config_.n_heads + 1, copies_, run_.prompts(), 1, config_.d_model};
  last_ = at::empty(shape, run_.residual().options());
  if (senders > 0) last_.narrow(0, 0, senders).copy_(run_.LastRows(tail_.narrow(0, 0, senders)));
}

}  // namespace circuitd
