#include "server/patching/suffix_run.h"

#include "server/model/layer_parts.h"

namespace circuitd {
namespace {

// The rows of all segments one after the other, [rows, d_model], so that what works on rows alone is one product.
class SuffixRunner {
 public:
  SuffixRunner(const Gpt2& network, const BaseRun& base, const std::vector<SuffixSegment>& segments)
      : network_(network), config_(network.config()), base_(base) {
    std::vector<at::Tensor> rows, last;
    int64_t begin = 0;
    for (const SuffixSegment& segment : segments) {
      const int64_t patches = segment.residual.size(0), length = segment.residual.size(2);
      segments_.push_back({segment.first, patches, length, begin});
      rows.push_back(segment.residual.reshape({-1, config_.d_model}));
      const at::Tensor prompt_begin = at::arange(patches * base.batch(), base.prompts().lengths.options()) * length;
      const at::Tensor last_row = (base.prompts().lengths - 1 - segment.first).clamp_min(0).repeat({patches});
      last.push_back(begin + prompt_begin + last_row);
      begin += patches * base.batch() * length;
    }
    x_ = at::cat(rows);     // [rows, d_model]
    last_ = at::cat(last);  // [patches * batch]
  }

  at::Tensor Run(int layer, SuffixStart start) {
    if (start == SuffixStart::kAfterAttention) {
      if (layer == config_.n_layers - 1) KeepLastRows();
      RunMlp(layer++);
    }
    for (; layer < config_.n_layers - 1; ++layer) {
      RunAttention(layer);
      RunMlp(layer);
    }
    if (layer == config_.n_layers - 1) {
      RunLastAttention(layer);
      RunMlp(layer);
    }
    KeepLastRows();
    return x_.view({-1, base_.batch(), config_.d_model});
  }

 private:
  struct Segment {
    int64_t first, patches, length, begin;  // `begin` is its first row in x_
  };

  void RunMlp(int layer) { x_ = x_ + MlpOut(network_, layer, x_); }

  void KeepLastRows() {
    if (last_.defined()) x_ = x_.index_select(0, last_);  // [patches * batch, d_model]
    last_ = at::Tensor();
  }

  void RunAttention(int layer) {
    const BlockWeights& w = network_.weights().blocks[layer];
    const auto qkv = Affine(Ln1(network_, layer, x_), w.attn_weight, w.attn_bias).split(config_.d_model, -1);
    std::vector<at::Tensor> z;
    for (const Segment& segment : segments_) {
      const at::Tensor k = AllPositions(segment, base_.At(HookKind::kK, layer), qkv[1]);
      const at::Tensor v = AllPositions(segment, base_.At(HookKind::kV, layer), qkv[2]);
      const at::Tensor pattern = AttentionPattern(config_, layer, Heads(segment, qkv[0]), k,
                                                  FutureMask(segment.first, base_.pos(), network_.device()));
      z.push_back(ZOf(pattern, v).reshape({-1, config_.d_model}));  // [rows, d_model]
    }
    x_ = x_ + Affine(at::cat(z), w.o_weight, w.o_bias);
  }

  // Of the last layer only each prompt's last position matters; keys and values are of all.
  void RunLastAttention(int layer) {
    const BlockWeights& w = network_.weights().blocks[layer];
    const int64_t d = config_.d_model;
    const at::Tensor normalized = Ln1(network_, layer, x_);
    const auto kv = Affine(normalized, w.attn_weight.narrow(1, d, 2 * d), w.attn_bias.narrow(0, d, 2 * d)).split(d, -1);
    const at::Tensor q = Affine(normalized.index_select(0, last_), w.attn_weight.narrow(1, 0, d),
                                w.attn_bias.narrow(0, 0, d));  // [patches * batch, d_model]
    KeepLastRows();
    const at::Tensor& lengths = base_.prompts().lengths;
    const at::Tensor future = at::arange(base_.pos(), lengths.options()).ge(lengths.view({-1, 1, 1, 1}));
    std::vector<at::Tensor> z;
    int64_t copies = 0;
    for (const Segment& segment : segments_) {
      const int64_t count = segment.patches * base_.batch();
      const at::Tensor k = AllPositions(segment, base_.At(HookKind::kK, layer), kv[0]);
      const at::Tensor v = AllPositions(segment, base_.At(HookKind::kV, layer), kv[1]);
      const at::Tensor last_q = q.narrow(0, copies, count).view({count, 1, config_.n_heads, config_.d_head});
      const at::Tensor pattern = AttentionPattern(config_, layer, last_q, k, future.repeat({segment.patches, 1, 1, 1}));
      z.push_back(ZOf(pattern, v).reshape({-1, d}));  // [count, d_model]
      copies += count;
    }
    x_ = x_ + Affine(at::cat(z), w.o_weight, w.o_bias);
  }

  // x [rows, d_model] -> the segment's [patches * batch, rows, n_heads, d_head].
  at::Tensor Heads(const Segment& segment, const at::Tensor& x) const {
    const int64_t count = segment.patches * base_.batch();
    return x.narrow(0, segment.begin, count * segment.length)
        .view({count, segment.length, config_.n_heads, config_.d_head});
  }

  // The base run's rows before the segment, [batch, pos, n_heads, d_head], and `x` from there on:
  // [patches * batch, pos, n_heads, d_head].
  at::Tensor AllPositions(const Segment& segment, const at::Tensor& base, const at::Tensor& x) const {
    const at::Tensor changed = Heads(segment, x);
    if (segment.first == 0) return changed;
    const at::Tensor before = base.narrow(1, 0, segment.first).unsqueeze(0);
    const at::Tensor after = changed.unflatten(0, {segment.patches, base_.batch()});
    return at::cat({before.expand({segment.patches, -1, -1, -1, -1}), after}, 2).flatten(0, 1);
  }

  const Gpt2& network_;
  const ModelConfig& config_;
  const BaseRun& base_;
  std::vector<Segment> segments_;
  at::Tensor x_;     // [rows, d_model]; once the last rows are kept, [patches * batch, d_model]
  at::Tensor last_;  // [patches * batch]: the rows of x_ at each prompt's last position; undefined once they are kept
};

}  // namespace

at::Tensor RunSuffix(const Gpt2& network, const BaseRun& base, int layer, SuffixStart start,
                     const std::vector<SuffixSegment>& segments) {
  return SuffixRunner(network, base, segments).Run(layer, start);
}

double SuffixFlops(const ModelConfig& config, const BaseRun& base, int layer, int64_t patches, int64_t rows) {
  const double d_model = config.d_model, pos = static_cast<double>(base.pos());
  const double of_row = 2 * (4 * d_model * d_model + 2 * d_model * config.d_mlp + 2 * pos * d_model);
  const double logits = 2.0 * static_cast<double>(patches * base.batch()) * d_model * config.d_vocab;
  return static_cast<double>(rows) * of_row * (config.n_layers - layer) + logits;
}

}  // namespace circuitd
