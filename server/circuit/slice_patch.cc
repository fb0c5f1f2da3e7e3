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
  // Made on the host in one go: an operation of the device for each position would be slower than the run.
  const int64_t pos = prompts_.tokens.size(1);
  at::Tensor mask = at::zeros(prompts_.tokens.sizes(), at::kBool);
  const at::Tensor lengths = prompts_.lengths.cpu();
  for (int64_t row = 0; row < mask.size(0); ++row) {
    const int64_t length = lengths.data_ptr<int64_t>()[row];
    bool* applies = mask.data_ptr<bool>() + row * pos;
    if (intervention.positions.empty()) std::fill(applies, applies + length, true);
    for (int position : intervention.positions) applies[position < 0 ? length + position : position] = true;
  }
  return mask.to(prompts_.tokens.device());
}

void SlicePatch::Visit(HookPoint point, at::Tensor& value) {
  for (const Intervention& intervention : interventions_) {
    if (!(intervention.hook == point)) continue;
    at::Tensor mask = PositionMask(intervention).unsqueeze(-1);  // [batch, pos, 1]
    if (point.kind == HookKind::kZ) {
      at::Tensor heads = at::full({value.size(2)}, intervention.heads.empty(), at::kBool);
      for (int head : intervention.heads) heads.data_ptr<bool>()[head] = true;
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
