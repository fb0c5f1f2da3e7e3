// The interventions of a patched run, applied to one micro-batch.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <vector>

#include "server/model/gpt2.h"
#include "server/patching/hook_means.h"
#include "server/patching/intervention_slices.h"

namespace circuitd {

// The hook points that interventions of this kind are on, each once.
std::vector<HookPoint> HooksOf(const PatchedRunRequest& request, Ablation ablation);

// Keeps, of a run on the source prompts, the slices that kResample needs. `slices` has to outlive this.
class SourceSlices : public Hooks {
 public:
  explicit SourceSlices(const InterventionSlices& slices) : slices_(slices) {}

  bool Wants(HookPoint point) const override;
  void Visit(HookPoint point, at::Tensor& value) override;

  // Of an intervention with kResample, once its hook point was visited.
  const at::Tensor& Of(size_t intervention) const { return kept_.at(intervention); }

 private:
  const InterventionSlices& slices_;
  std::map<size_t, at::Tensor> kept_;  // by intervention
};

// Changes each intervention's slice and leaves the rest as it is, bit for bit. All arguments have to outlive this;
// `means` are of the hook points of kMean, `sources` has visited those of kResample.
class InterventionHooks : public Hooks {
 public:
  InterventionHooks(const InterventionSlices& slices, const HookMeans& means, const SourceSlices& sources)
      : slices_(slices), means_(means), sources_(sources) {}

  bool Wants(HookPoint point) const override { return !slices_.On(point).empty(); }
  void Visit(HookPoint point, at::Tensor& value) override;

 private:
  // What an intervention makes of its slices; may broadcast to them.
  at::Tensor Changed(size_t intervention, const SliceIndex& index, const at::Tensor& slices) const;

  const InterventionSlices& slices_;
  const HookMeans& means_;
  const SourceSlices& sources_;
};

}  // namespace circuitd
