#include "server/patching/suffix_run.h"

#include "server/model/layer_parts.h"
#include "server/patching/last_attention.h"

namespace circuitd {
namespace {

// The rows of all segments one after the other, [rows, d_model], so that what works on rows alone is one product.
class SuffixRunner {
 public:
  SuffixRunner(const LayerProducts& products, const BaseRun& base, const std::vector<SuffixSegment>& segments)
      : products_(products), network_(products.network()), config_(network_.config()), base_(base) {
    std::vector<at::Tensor> rows, last;
    int64_t begin = 0;
    for (const SuffixSegment& segment : segments) {
      const int64_t copies = segment.residual.size(0), length = base.pos() - segment.first;
      const at::Tensor prompts = at::tensor(segment.prompts, at::kLong).to(network_.device());
      segments_.push_back({segment.first, segment.residual.size(1), length, begin, prompts});
      rows.push_back(segment.residual.reshape({-1, config_.d_model}));
      const at::Tensor copy_begin = at::arange(copies, prompts.options()) * length;
      const at::Tensor last_row = base.prompts().lengths.index_select(0, prompts) - 1 - segment.first;
      last.push_back(begin + copy_begin + last_row.clamp_min(0));
      begin += copies * length;
    }
    x_ = at::cat(rows);     // [rows, d_model]
    last_ = at::cat(last);  // [copies]
  }

  at::Tensor Run(int layer, SuffixStart start) {
    if (layer == config_.n_layers) FillRows(layer);
    if (start == SuffixStart::kAfterAttention) {
      if (layer == config_.n_layers - 1) KeepLastRows();
      RunMlp(layer++);
    }
    for (; layer < config_.n_layers; ++layer) {
      if (layer == config_.n_layers - 1) {
        RunLastAttention(layer);
      } else {
        RunAttention(layer);
      }
      RunMlp(layer);
    }
    KeepLastRows();
    return x_;
  }

 private:
  struct Segment {
    int64_t first;
    int64_t rows;        // of each copy in x_
    int64_t length;      // positions from `first` on
    int64_t begin;       // its first row in x_ where all have `length` rows
    at::Tensor prompts;  // [copies]

    int64_t copies() const { return prompts.size(0); }
  };

  void RunMlp(int layer) { x_ = AddMlp(products_, layer, x_); }

  void KeepLastRows() {
    if (last_.defined()) x_ = x_.index_select(0, last_);  // [copies, d_model]
    last_ = at::Tensor();
  }

  void RunAttention(int layer) {
    const LayerProducts::Layer& products = products_.At(layer);
    const auto qkv = products.attn(Ln1(network_, layer, x_)).split(config_.d_model, -1);
    std::vector<at::Tensor> z;
    int64_t begin = 0;
    for (const Segment& segment : segments_) {
      const auto own = [&](int part) {
        return OfSegment(segment, begin, qkv[part]).unflatten(-1, {config_.n_heads, config_.d_head});
      };
      const at::Tensor q = WithBase(segment, base_.At(HookKind::kQ, layer), segment.first, own(0));
      const at::Tensor k = WithBase(segment, base_.At(HookKind::kK, layer), 0, own(1));
      const at::Tensor v = WithBase(segment, base_.At(HookKind::kV, layer), 0, own(2));
      const at::Tensor pattern =
          AttentionPattern(config_, layer, q, k, FutureMask(segment.first, base_.pos(), network_.device()));
      z.push_back(ZOf(pattern, v).reshape({-1, config_.d_model}));
      begin += segment.copies() * segment.rows;
    }
    FillRows(layer);
    x_ = products.o.Plus(x_, at::cat(z));
  }

  // Of the last layer only each prompt's last position matters.
  void RunLastAttention(int layer) {
    FillRows(layer);
    const at::Tensor normalized = Ln1(network_, layer, x_);
    LastAttention attention(network_, base_, layer, normalized, last_);
    for (const Segment& segment : segments_) attention.Add(segment.first, segment.prompts);
    KeepLastRows();
    x_ = products_.At(layer).o.Plus(x_, attention.Z());
  }

  // All positions from each segment's first on in x_, before `layer`.
  void FillRows(int layer) {
    std::vector<at::Tensor> rows;
    int64_t begin = 0;
    bool filled = true;
    for (Segment& segment : segments_) {
      const at::Tensor own = OfSegment(segment, begin, x_);
      begin += segment.copies() * segment.rows;
      filled &= segment.rows == segment.length;
      rows.push_back(segment.rows == segment.length ? own
                                                    : WithBase(segment, base_.Residual(layer), segment.first, own));
      segment.rows = segment.length;
    }
    if (filled) return;
    for (at::Tensor& of_segment : rows) of_segment = of_segment.reshape({-1, config_.d_model});
    x_ = at::cat(rows);
  }

  // Of x [rows, width], whose rows of the segment begin at `begin`: [copies, rows, width].
  static at::Tensor OfSegment(const Segment& segment, int64_t begin, const at::Tensor& x) {
    return x.narrow(0, begin, segment.copies() * segment.rows).unflatten(0, {segment.copies(), segment.rows});
  }

  // `own` [copies, rows, ...] from the segment's first position on, between rows of `base` [batch, pos, ...]: [copies,
  // positions from `from` on, ...].
  static at::Tensor WithBase(const Segment& segment, const at::Tensor& base, int64_t from, const at::Tensor& own) {
    const int64_t before = segment.first - from, after = segment.length - segment.rows;
    std::vector<at::Tensor> parts = {own};
    const auto of_base = [&](int64_t begin, int64_t count) {
      return base.narrow(1, begin, count).index_select(0, segment.prompts);
    };
    if (before > 0) parts.insert(parts.begin(), of_base(from, before));
    if (after > 0) parts.push_back(of_base(segment.first + segment.rows, after));
    return parts.size() == 1 ? own : at::cat(parts, 1);
  }

  const LayerProducts& products_;
  const Gpt2& network_;
  const ModelConfig& config_;
  const BaseRun& base_;
  std::vector<Segment> segments_;
  at::Tensor x_;     // [rows, d_model]; once the last rows are kept, [copies, d_model]
  at::Tensor last_;  // [copies]: each prompt's last position in x_; undefined once these rows are kept
};

}  // namespace

at::Tensor RunSuffix(const LayerProducts& products, const BaseRun& base, int layer, SuffixStart start,
                     const std::vector<SuffixSegment>& segments) {
  return SuffixRunner(products, base, segments).Run(layer, start);
}

double SuffixFlops(const ModelConfig& config, int64_t pos, int layer, int64_t copies, int64_t rows) {
  const double d_model = config.d_model;
  const double of_row =
      2 * (4 * d_model * d_model + 2 * d_model * config.d_mlp + 2 * static_cast<double>(pos) * d_model);
  const double logits = 2.0 * static_cast<double>(copies) * d_model * config.d_vocab;
  return static_cast<double>(rows) * of_row * (config.n_layers - layer) + logits;
}

}  // namespace circuitd
