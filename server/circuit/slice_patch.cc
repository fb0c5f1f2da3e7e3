#include "server/circuit/slice_patch.h"

#include <algorithm>

namespace circuitd {

SourceCapture::SourceCapture(absl::Span<const Intervention> interventions) {
  for (const Intervention& intervention : interventions) {
    if (intervention.ablation == Ablation::kResample && !Wants(intervention.hook)) {
      entries_.push_back({intervention.hook, {}});
    }
  }
}

bool SourceCapture::Wants(HookPoint point) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.point == point; });
}

void SourceCapture::Visit(HookPoint point, at::Tensor& value) {
  for (Entry& entry : entries_) {
    if (entry.point == point) entry.value = value;
  }
}

at::Tensor SourceCapture::Find(HookPoint point) const {
  for (const Entry& entry : entries_) {
    if (entry.point == point) return entry.value;
  }
  return {};
}

SlicePatch::SlicePatch(absl::Span<const Intervention> interventions, const ActivationMeans& means,
                       const SourceCapture& sources, const PaddedPrompts& prompts)
    : interventions_(interventions), means_(means), sources_(sources), prompts_(prompts) {}

bool SlicePatch::Wants(HookPoint point) const {
  return std::any_of(interventions_.begin(), interventions_.end(),
                     [&](const Intervention& intervention) { return intervention.hook == point; });
}

at::Tensor SlicePatch::PositionMask(const Intervention& intervention) const {
  const at::Tensor lengths = prompts_.lengths.unsqueeze(1);                                    // [batch, 1]
  const at::Tensor pos = at::arange(prompts_.tokens.size(1), lengths.options()).unsqueeze(0);  // [1, pos]
  if (intervention.positions.empty()) return pos < lengths;
  at::Tensor mask = at::zeros_like(prompts_.tokens, at::kBool);
  for (int position : intervention.positions)
    mask |= pos == (position < 0 ? lengths + position : lengths * 0 + position);
  return mask;
}

void SlicePatch::Visit(HookPoint point, at::Tensor& value) {
  for (const Intervention& intervention : interventions_) {
    if (!(intervention.hook == point)) continue;
    at::Tensor mask = PositionMask(intervention).unsqueeze(-1);  // [batch, pos, 1]
    if (point.kind == HookKind::kZ) {
      at::Tensor heads = at::full({value.size(2)}, intervention.heads.empty(), at::kBool);
      for (int head : intervention.heads) heads[head] = true;
      mask = mask.logical_and(heads.to(mask.device())).unsqueeze(-1);  // [batch, pos, n_heads, 1]
    }
    if (intervention.ablation == Ablation::kZero) {
      value = value.masked_fill(mask, 0);
    } else if (intervention.ablation == Ablation::kMean) {
      const auto& means = point.kind == HookKind::kZ ? means_.z : means_.mlp_out;
      // Prompts longer than every source prompt have positions without a mean; validation keeps the mask off them.
      at::Tensor mean = means[point.layer];
      const int64_t missing = value.size(1) - mean.size(0);
      if (missing > 0) {
        std::vector<int64_t> shape = mean.sizes().vec();
        shape[0] = missing;
        mean = at::cat({mean, at::zeros(shape, mean.options())});
      }
      value = at::where(mask, mean.narrow(0, 0, value.size(1)), value);
    } else {
      value = at::where(mask, sources_.Find(point), value);
    }
  }
}

}  // namespace circuitd
