#include "server/patching/intervention_hooks.h"

#include <algorithm>
#include <set>

#include "server/patching/intervention_values.h"

namespace circuitd {

std::vector<HookPoint> HooksOf(const PatchedRunRequest& request, Ablation ablation) {
  std::set<HookPoint, HookPointLess> points;
  for (const Intervention& intervention : request.interventions) {
    if (IsAblation(intervention, ablation)) points.insert(intervention.hook);
  }
  return {points.begin(), points.end()};
}

bool SourceSlices::Wants(HookPoint point) const {
  const auto& interventions = slices_.On(point);
  return std::any_of(interventions.begin(), interventions.end(),
                     [&](size_t i) { return IsAblation(slices_.request().interventions[i], Ablation::kResample); });
}

void SourceSlices::Visit(HookPoint point, at::Tensor& value) {
  for (const size_t i : slices_.On(point)) {
    if (IsAblation(slices_.request().interventions[i], Ablation::kResample)) kept_[i] = slices_.IndexOf(i).Take(value);
  }
}

void InterventionHooks::Visit(HookPoint point, at::Tensor& value) {
  // A copy: others may keep `value`, or share its memory.
  at::Tensor changed = value.clone();
  for (const size_t i : slices_.On(point)) {
    const SliceIndex index = slices_.IndexOf(i);
    if (index.places() > 0) index.Put(changed, Changed(i, index, index.Take(value)));
  }
  value = changed;
}

at::Tensor InterventionHooks::Changed(size_t intervention, const SliceIndex& index, const at::Tensor& slices) const {
  const Intervention& wanted = slices_.request().interventions[intervention];
  const MicroBatch batch = slices_.batch();
  if (const auto* set = std::get_if<SetTo>(&wanted.action); set != nullptr) {
    return TensorSlices(set->value, 1, index, batch, slices);
  }
  if (const auto* add = std::get_if<AddVector>(&wanted.action); add != nullptr) {
    return slices + TensorSlices(add->vector, add->coefficient, index, batch, slices);
  }
  if (const auto* scale = std::get_if<ScaleBy>(&wanted.action); scale != nullptr) return slices * scale->factor;
  if (const auto* noise = std::get_if<AddNoise>(&wanted.action); noise != nullptr) {
    return slices + NoiseSlices(*noise, intervention, index, batch, slices);
  }
  switch (std::get<Ablation>(wanted.action)) {
    case Ablation::kZero:
      return at::zeros_like(slices);
    case Ablation::kMean:
      return index.TakeMeans(means_.at(wanted.hook)).to(slices.scalar_type());
    case Ablation::kResample:
      return sources_.Of(intervention);
  }
  return slices;
}

}  // namespace circuitd
