#include "server/patching/sender_changes.h"

#include <algorithm>

#include "server/model/layer_parts.h"

namespace circuitd {

at::Tensor PathRows::Of(const at::Tensor& x, const PaddedPrompts& prompts) const {
  return last_only ? AtLastPosition(x, prompts).unsqueeze(1) : x.narrow(1, first, x.size(1) - first);
}

SenderChanges::SenderChanges(const LayerProducts& products, const BaseRun& clean, const BaseRun& corrupted,
                             const PathRows& rows, PathFreeze freeze, const std::vector<std::set<int>>& senders)
    : products_(products),
      network_(products.network()),
      clean_(clean),
      corrupted_(corrupted),
      rows_(rows),
      freeze_(freeze),
      senders_(senders) {
  const at::Tensor& lengths = clean.prompts().lengths;
  const at::Tensor in_prompt = at::arange(clean.pos(), lengths.options()).lt(lengths.unsqueeze(1));
  in_prompt_ = Rows(in_prompt);
  const int64_t patches = senders.size();
  changes_ = at::zeros({patches, clean.batch(), in_prompt_.size(1), network_.config().d_model},
                       network_.weights().embed.options());
  changed_ = at::zeros({patches, clean.batch()}, in_prompt_.options());
}

void SenderChanges::AdvanceTo(int end) {
  const int n_heads = network_.config().n_heads;
  while (rank_ < end) {
    const int layer = (rank_ - 1) / (n_heads + 1), in_layer = (rank_ - 1) % (n_heads + 1);
    if (rank_ == 0) {
      SendEmbed();
      rank_ = 1;
    } else if (in_layer == 0) {
      SendHeads(layer, rank_);
      rank_ += n_heads;
    } else {
      PassMlp(layer, rank_);
      ++rank_;
    }
  }
}

SenderChanges::Sent SenderChanges::SendersFrom(int begin, int count) {
  Sent sent;
  for (size_t patch = 0; patch < senders_.size(); ++patch) {
    const auto end = senders_[patch].lower_bound(begin + count);
    for (auto rank = senders_[patch].lower_bound(begin); rank != end; ++rank) {
      sent.patches.push_back(static_cast<int64_t>(patch));
      sent.heads.push_back(*rank - begin);
    }
  }
  return sent;
}

void SenderChanges::SendEmbed() {
  const Sent sent = SendersFrom(0, 1);
  if (sent.patches.empty()) return;
  Add(sent.patches, Rows(network_.Embed(corrupted_.prompts().tokens) - clean_.Residual(0)));
}

void SenderChanges::SendHeads(int layer, int begin) {
  const ModelConfig& config = network_.config();
  const Sent sent = SendersFrom(begin, config.n_heads);
  if (sent.patches.empty()) return;
  const at::Tensor z = Rows(corrupted_.At(HookKind::kZ, layer)) - Rows(clean_.At(HookKind::kZ, layer));
  const at::Tensor weight = network_.weights().blocks[layer].o_weight.view({-1, config.d_head, config.d_model});
  // As many at once as there are patches: what all heads of few patches send may not fit in memory.
  const size_t at_once = senders_.size();
  for (size_t begin = 0; begin < sent.heads.size(); begin += at_once) {
    const size_t end = std::min(begin + at_once, sent.heads.size());
    const auto part = [&](const std::vector<int64_t>& of) {
      return std::vector<int64_t>(of.begin() + begin, of.begin() + end);
    };
    const int64_t count = end - begin;
    const at::Tensor heads = Index(part(sent.heads));
    const at::Tensor by_head = z.index_select(2, heads).permute({2, 0, 1, 3});  // [count, batch, rows, d_head]
    const at::Tensor value = at::bmm(by_head.reshape({count, -1, config.d_head}), weight.index_select(0, heads));
    Add(part(sent.patches), value.view({count, z.size(0), z.size(1), config.d_model}));
  }
}

void SenderChanges::PassMlp(int layer, int rank) {
  const Sent sent = SendersFrom(rank, 1);
  const at::Tensor clean = Rows(clean_.At(HookKind::kMlpOut, layer));
  std::vector<int64_t> recomputed;
  for (int64_t patch = 0; patch < sent_ && freeze_ == PathFreeze::kHeads; ++patch) {
    if (!std::binary_search(sent.patches.begin(), sent.patches.end(), patch)) recomputed.push_back(patch);
  }
  if (!recomputed.empty()) {
    const at::Tensor patches = Index(recomputed);
    const at::Tensor mid = Rows(clean_.At(HookKind::kResidMid, layer)) + changes_.index_select(0, patches);
    changes_.index_add_(0, patches, MlpOut(products_, layer, mid) - clean);
  }
  if (!sent.patches.empty()) Add(sent.patches, Rows(corrupted_.At(HookKind::kMlpOut, layer)) - clean);
}

void SenderChanges::Add(const std::vector<int64_t>& patches, const at::Tensor& value) {
  const int64_t count = patches.size();
  std::vector<int64_t> shape = changes_.sizes().vec();
  shape[0] = count;
  const at::Tensor index = Index(patches), all = value.expand(shape);
  changes_.index_add_(0, index, all);
  const at::Tensor differs = all.ne(0).any(-1).logical_and(in_prompt_).any(-1);  // [count, batch]
  // Adding them up: a patch may be there more than once.
  changed_ = changed_.to(at::kInt).index_add(0, index, differs.to(at::kInt)).to(at::kBool);
  sent_ = std::max(sent_, patches.back() + 1);
}

at::Tensor SenderChanges::Index(const std::vector<int64_t>& values) const {
  return at::tensor(values, at::kLong).to(network_.device());
}

}  // namespace circuitd
