#include "server/patching/sweep_patches.h"

#include <algorithm>
#include <utility>

#include "server/model/layer_parts.h"
#include "server/patching/sweep_grids.h"

namespace circuitd {
namespace {

void SortByFirst(std::vector<ColumnPatch>& patches) {
  std::stable_sort(patches.begin(), patches.end(),
                   [](const ColumnPatch& a, const ColumnPatch& b) { return a.first < b.first; });
}

// A row of the residual stream at a time is replaced.
class PositionPatches : public SweepPatches {
 public:
  PositionPatches(const Gpt2& network, HookPoint hook, const std::vector<int>& columns, const BaseRun& base,
                  const BaseRun& source)
      : base_(base), layer_(hook.kind == HookKind::kResidPre ? hook.layer : hook.layer + 1) {
    const at::Tensor differs = ReplaceAll(network, hook, source);
    lengths_ = base.prompts().lengths.cpu();
    const auto at = differs.accessor<bool, 2>();
    const bool nothing_above = layer_ == network.config().n_layers;
    for (size_t column = 0; column < columns.size(); ++column) {
      ColumnPatch patch{column, base.pos(), {}};
      std::vector<int64_t> positions(base.batch());
      for (int64_t row = 0; row < base.batch(); ++row) {
        const int64_t length = lengths_.data_ptr<int64_t>()[row];
        const auto position = ColumnPosition(columns[column], length);
        // After the last layer only the last position's row is read.
        if (!position || !at[row][*position] || (nothing_above && *position != length - 1)) continue;
        patch.first = std::min(patch.first, *position);
        patch.changed.push_back(row);
        positions[row] = *position;
      }
      positions_.push_back(std::move(positions));
      if (!patch.changed.empty()) patches_.push_back(std::move(patch));
    }
    SortByFirst(patches_);
  }

  int layer() const override { return layer_; }
  SuffixStart start() const override { return SuffixStart::kBeforeAttention; }

  SuffixSegment Segment(absl::Span<const ColumnPatch> patches) const override {
    const int64_t first = patches[0].first, count = patches.size();
    std::vector<int64_t> copies, rows, positions;
    for (int64_t copy = 0; copy < count; ++copy) {
      for (const size_t row : patches[copy].changed) {
        copies.push_back(copy);
        rows.push_back(row);
        positions.push_back(positions_[patches[copy].column_index][row]);
      }
    }
    const auto index = [&](const std::vector<int64_t>& values) {
      return at::tensor(values, at::kLong).to(replaced_.device());
    };
    const at::Tensor row_index = index(rows), position_index = index(positions);
    at::Tensor residual =
        base_.Residual(layer_).narrow(1, first, base_.pos() - first).unsqueeze(0).repeat({count, 1, 1, 1});
    residual.index_put_({index(copies), row_index, position_index - first},
                        replaced_.index({row_index, position_index}));
    return {first, residual};  // [patches, batch, pos - first, d_model]
  }

 private:
  // Makes replaced_: what each row is when its activation is the source's. Returns where that changes it, [batch, pos]
  // bool on the host.
  at::Tensor ReplaceAll(const Gpt2& network, HookPoint hook, const BaseRun& source) {
    const auto [kind, l] = hook;
    const auto differs = [](const at::Tensor& a, const at::Tensor& b) { return a.ne(b).any(-1).cpu(); };
    switch (kind) {
      case HookKind::kAttnOut: {
        const at::Tensor mid = base_.Residual(l) + source.At(kind, l);  // resid_mid [batch, pos, d_model]
        replaced_ = mid + MlpOut(network, l, mid);
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
  at::Tensor replaced_;                          // [batch, pos, d_model], before layer_
  at::Tensor lengths_;                           // [batch] on the host
  std::vector<std::vector<int64_t>> positions_;  // by column and row
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
      ColumnPatch patch{column, base.pos(), {}};
      for (int64_t row = 0; row < base.batch(); ++row) {
        const int64_t length = lengths.data_ptr<int64_t>()[row];
        int64_t position = 0;
        while (position < length && !at[row][position][heads[column]]) ++position;
        if (position == length) continue;
        patch.first = std::min(patch.first, position);
        patch.changed.push_back(row);
      }
      if (!patch.changed.empty()) patches_.push_back(std::move(patch));
    }
    SortByFirst(patches_);
  }

  int layer() const override { return layer_; }
  SuffixStart start() const override { return SuffixStart::kAfterAttention; }

  SuffixSegment Segment(absl::Span<const ColumnPatch> patches) const override {
    const ModelConfig& config = network_.config();
    const int64_t first = patches[0].first, rows = base_.pos() - first, count = patches.size();
    std::vector<int64_t> heads;
    for (const ColumnPatch& patch : patches) heads.push_back(heads_[patch.column_index]);
    const at::Tensor index = at::tensor(heads, at::kLong).to(network_.device());
    const at::Tensor change = z_change_.narrow(1, first, rows).index_select(2, index).permute({2, 0, 1, 3});
    const at::Tensor weight = network_.weights().blocks[layer_].o_weight.view({-1, config.d_head, config.d_model});
    const at::Tensor sent = at::bmm(change.reshape({count, -1, config.d_head}), weight.index_select(0, index));
    const at::Tensor mid = base_.At(HookKind::kResidMid, layer_).narrow(1, first, rows);
    return {first, mid + sent.view({count, base_.batch(), rows, config.d_model})};
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

std::unique_ptr<SweepPatches> PatchesAt(const Gpt2& network, HookPoint hook, const std::vector<int>& columns,
                                        const BaseRun& base, const BaseRun& source) {
  if (ColumnsAreHeads(hook.kind)) return std::make_unique<HeadPatches>(network, hook, columns, base, source);
  return std::make_unique<PositionPatches>(network, hook, columns, base, source);
}

KeptHooks BaseHooks(absl::Span<const HookKind> hooks, int first_layer) {
  KeptHooks kept{{HookKind::kK, HookKind::kV}, first_layer};
  for (const HookKind hook : hooks) {
    if (ColumnsAreHeads(hook)) {
      kept.kinds.insert({HookKind::kQ, HookKind::kZ});
    } else {
      kept.kinds.insert(HookKind::kResidPre);
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
