#include "server/patching/sweep_patches.h"

#include <algorithm>
#include <utility>

#include "server/model/layer_parts.h"
#include "server/patching/sweep_grids.h"

namespace circuitd {
namespace {

void SortByFirst(std::vector<PatchedCopy>& copies) {
  std::stable_sort(copies.begin(), copies.end(),
                   [](const PatchedCopy& a, const PatchedCopy& b) { return a.first < b.first; });
}

at::Tensor Index(const std::vector<int64_t>& values, at::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

std::vector<int64_t> RowsOf(absl::Span<const PatchedCopy> copies) {
  std::vector<int64_t> rows;
  for (const PatchedCopy& copy : copies) rows.push_back(static_cast<int64_t>(copy.row));
  return rows;
}

// A row of the residual stream at a time is replaced.
class PositionPatches : public SweepPatches {
 public:
  PositionPatches(const LayerProducts& products, HookPoint hook, const std::vector<int>& columns, const BaseRun& base,
                  const BaseRun& source)
      : base_(base), layer_(hook.kind == HookKind::kResidPre ? hook.layer : hook.layer + 1) {
    const at::Tensor differs = ReplaceAll(products, hook, source);
    const at::Tensor lengths = base.prompts().lengths.cpu();
    const auto at = differs.accessor<bool, 2>();
    const bool nothing_above = layer_ == products.network().config().n_layers;
    for (size_t column = 0; column < columns.size(); ++column) {
      for (int64_t row = 0; row < base.batch(); ++row) {
        const int64_t length = lengths.data_ptr<int64_t>()[row];
        const auto position = ColumnPosition(columns[column], length);
        // After the last layer only the last position's row is read.
        if (!position || !at[row][*position] || (nothing_above && *position != length - 1)) continue;
        copies_.push_back({column, static_cast<size_t>(row), *position});
      }
    }
    SortByFirst(copies_);
  }

  int layer() const override { return layer_; }
  SuffixStart start() const override { return SuffixStart::kBeforeAttention; }

  // Only the row at the position itself: attention has yet to carry the change on.
  SuffixSegment Segment(absl::Span<const PatchedCopy> copies) const override {
    std::vector<int64_t> rows = RowsOf(copies);
    const at::Tensor at_first = replaced_.narrow(1, copies[0].first, 1);  // [batch, 1, d_model]
    const at::Tensor residual = at_first.index_select(0, Index(rows, replaced_.device()));
    return {copies[0].first, std::move(rows), residual};
  }

 private:
  // Makes replaced_: what each row is when its activation is the source's. Returns where that changes it, [batch, pos]
  // bool on the host.
  at::Tensor ReplaceAll(const LayerProducts& products, HookPoint hook, const BaseRun& source) {
    const auto [kind, l] = hook;
    const auto differs = [](const at::Tensor& a, const at::Tensor& b) { return a.ne(b).any(-1).cpu(); };
    switch (kind) {
      case HookKind::kAttnOut: {
        const at::Tensor mid = base_.Residual(l) + source.At(kind, l);  // resid_mid [batch, pos, d_model]
        replaced_ = AddMlp(products, l, mid);
        return differs(mid, base_.At(HookKind::kResidMid, l));
      }
      case HookKind::kMlpOut:
        replaced_ = base_.At(HookKind::kResidMid, l) + source.At(kind, l);
        return differs(replaced_, base_.Residual(l + 1));
      default:
        replaced_ = source.Residual(l);
        return differs(replaced_, base_.Residual(l));
    }
  }

  const BaseRun& base_;
  const int layer_;
  at::Tensor replaced_;  // [batch, pos, d_model], before layer_
};

// A head at a time has another z; heads of a layer know nothing of each other, so that all z are found at once.
class HeadPatches : public SweepPatches {
 public:
  HeadPatches(const Gpt2& network, HookPoint hook, const std::vector<int>& heads, const BaseRun& base,
              const BaseRun& source)
      : network_(network), base_(base), layer_(hook.layer), heads_(heads) {
    const at::Tensor differs = ReplaceAll(hook, source);  // [batch, pos, n_heads]
    const at::Tensor lengths = base.prompts().lengths.cpu();
    const auto at = differs.accessor<bool, 3>();
    for (size_t column = 0; column < heads.size(); ++column) {
      for (int64_t row = 0; row < base.batch(); ++row) {
        const int64_t length = lengths.data_ptr<int64_t>()[row];
        int64_t position = 0;
        while (position < length && !at[row][position][heads[column]]) ++position;
        if (position < length) copies_.push_back({column, static_cast<size_t>(row), position});
      }
    }
    SortByFirst(copies_);
  }

  int layer() const override { return layer_; }
  SuffixStart start() const override { return SuffixStart::kAfterAttention; }

  SuffixSegment Segment(absl::Span<const PatchedCopy> copies) const override {
    const ModelConfig& config = network_.config();
    const int64_t first = copies[0].first, length = base_.pos() - first;
    std::vector<at::Tensor> sent;  // by a head at a time
    for (absl::Span<const PatchedCopy> left = copies; !left.empty();) {
      size_t count = 1;
      while (count < left.size() && left[count].column_index == left[0].column_index) ++count;
      const int head = heads_[left[0].column_index];
      const at::Tensor change = z_change_.select(2, head)
                                    .narrow(1, first, length)
                                    .index_select(0, Index(RowsOf(left.first(count)), network_.device()));
      sent.push_back(at::mm(change.flatten(0, 1), OutputWeight(network_, layer_, head)));
      left.remove_prefix(count);
    }
    std::vector<int64_t> rows = RowsOf(copies);
    const at::Tensor mid =
        base_.At(HookKind::kResidMid, layer_).narrow(1, first, length).index_select(0, Index(rows, network_.device()));
    return {first, std::move(rows), mid + at::cat(sent).view({-1, length, config.d_model})};
  }

 private:
  // Makes z_change_. Returns where heads' activations differ, [batch, pos, n_heads] bool on the host.
  at::Tensor ReplaceAll(HookPoint hook, const BaseRun& source) {
    const ModelConfig& config = network_.config();
    const auto [kind, l] = hook;
    const at::Tensor& base_z = base_.At(HookKind::kZ, l);
    if (kind == HookKind::kZ) {
      z_change_ = source.At(kind, l) - base_z;
      return source.At(kind, l).ne(base_z).any(-1).cpu();
    }
    const auto value = [&](HookKind k) { return (kind == k ? source : base_).At(k, l); };
    const at::Tensor future = FutureMask(0, base_.pos(), network_.device());
    if (kind == HookKind::kPattern) {
      const auto pattern = [&](const BaseRun& run) {
        return AttentionPattern(config, l, run.At(HookKind::kQ, l), run.At(HookKind::kK, l), future);
      };
      const at::Tensor replaced = pattern(source);  // [batch, n_heads, pos, pos]
      z_change_ = ZOf(replaced, base_.At(HookKind::kV, l)) - base_z;
      return replaced.ne(pattern(base_)).any(-1).transpose(1, 2).cpu();
    }
    const at::Tensor pattern = AttentionPattern(config, l, value(HookKind::kQ), value(HookKind::kK), future);
    z_change_ = ZOf(pattern, value(HookKind::kV)) - base_z;
    return source.At(kind, l).ne(base_.At(kind, l)).any(-1).cpu();
  }

  const Gpt2& network_;
  const BaseRun& base_;
  const int layer_;
  const std::vector<int>& heads_;
  at::Tensor z_change_;  // [batch, pos, n_heads, d_head]: of each head when its activation is the source's
};

}  // namespace

std::unique_ptr<SweepPatches> PatchesAt(const LayerProducts& products, HookPoint hook, const std::vector<int>& columns,
                                        const BaseRun& base, const BaseRun& source) {
  if (ColumnsAreHeads(hook.kind)) return std::make_unique<HeadPatches>(products.network(), hook, columns, base, source);
  return std::make_unique<PositionPatches>(products, hook, columns, base, source);
}

KeptHooks BaseHooks(absl::Span<const HookKind> hooks, int first_layer) {
  KeptHooks kept{{HookKind::kK, HookKind::kV}, first_layer};
  for (const HookKind hook : hooks) {
    if (ColumnsAreHeads(hook)) {
      kept.kinds.insert({HookKind::kQ, HookKind::kZ});
    } else {
      kept.kinds.insert({HookKind::kQ, HookKind::kResidPre});
    }
    if (hook != HookKind::kResidPre) kept.kinds.insert(HookKind::kResidMid);
  }
  return kept;
}

KeptHooks SourceHooks(absl::Span<const HookKind> hooks, int first_layer) {
  KeptHooks kept{{}, first_layer};
  for (const HookKind hook : hooks) {
    if (hook == HookKind::kPattern) {
      kept.kinds.insert({HookKind::kQ, HookKind::kK});
    } else {
      kept.kinds.insert(hook);
    }
  }
  return kept;
}

}  // namespace circuitd
