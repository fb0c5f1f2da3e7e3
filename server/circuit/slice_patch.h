// The interventions of a patched run, applied to one micro-batch.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "absl/types/span.h"
#include "server/circuit/activation_means.h"
#include "server/circuit/patched_run.h"
#include "server/model/gpt2.h"
#include "server/model/micro_batch.h"

namespace circuitd {

// Keeps z and mlp_out of the layers that RESAMPLE interventions replace.
class SourceCapture : public Hooks {
 public:
  explicit SourceCapture(absl::Span<const Intervention> interventions);

  bool Wants(HookPoint point) const override;
  void Visit(HookPoint point, at::Tensor& value) override;

  // Hook points that are kept.
  size_t size() const { return entries_.size(); }

  // Undefined if it was not captured.
  at::Tensor Find(HookPoint point) const;

 private:
  struct Entry {
    HookPoint point;
    at::Tensor value;
  };
  std::vector<Entry> entries_;
};

// Replaces each intervention's slice: [batch, pos, n_heads, d_head] of attn.hook_z, [batch, pos, d_model] of
// hook_mlp_out. `means` is needed for kMean, `sources` (of the same rows) for kResample. All have to outlive this.
class SlicePatch : public Hooks {
 public:
  SlicePatch(absl::Span<const Intervention> interventions, const ActivationMeans& means, const SourceCapture& sources,
             const PaddedPrompts& prompts);

  bool Wants(HookPoint point) const override;
  void Visit(HookPoint point, at::Tensor& value) override;

 private:
  // [batch, pos] bool: where the intervention applies.
  at::Tensor PositionMask(const Intervention& intervention) const;

  const absl::Span<const Intervention> interventions_;
  const ActivationMeans& means_;
  const SourceCapture& sources_;
  const PaddedPrompts& prompts_;
};

}  // namespace circuitd
