#include "server/circuit/activation_means.h"

#include <algorithm>

#include "base/status.h"
#include "server/model/micro_batch.h"
#include "server/model/torch_border.h"

namespace circuitd {
namespace {

// The sums of one run or of several.
struct ActivationSums {
  std::vector<std::optional<PositionMeans>> z, mlp_out;

  ActivationSums(const CaptureLayers& layers, int64_t max_pos) : z(layers.z.size()), mlp_out(layers.mlp_out.size()) {
    for (size_t l = 0; l < z.size(); ++l) {
      if (layers.z[l]) z[l].emplace(max_pos);
      if (layers.mlp_out[l]) mlp_out[l].emplace(max_pos);
    }
  }

  std::optional<PositionMeans>* Find(HookPoint point) {
    if (point.kind == HookKind::kZ) return &z[point.layer];
    if (point.kind == HookKind::kMlpOut) return &mlp_out[point.layer];
    return nullptr;
  }

  void Merge(const ActivationSums& other) {
    for (size_t l = 0; l < z.size(); ++l) {
      if (z[l]) z[l]->Merge(*other.z[l]);
      if (mlp_out[l]) mlp_out[l]->Merge(*other.mlp_out[l]);
    }
  }
};

class SumCapture : public Hooks {
 public:
  SumCapture(ActivationSums& sums, const at::Tensor& lengths, Hooks* ablation)
      : sums_(sums), lengths_(lengths), ablation_(ablation) {}

  bool Wants(HookPoint point) const override {
    const auto* sum = sums_.Find(point);
    return (sum != nullptr && *sum) || (ablation_ != nullptr && ablation_->Wants(point));
  }

  void Visit(HookPoint point, at::Tensor& value) override {
    if (ablation_ != nullptr && ablation_->Wants(point)) ablation_->Visit(point, value);
    if (auto* sum = sums_.Find(point); sum != nullptr && *sum) (*sum)->Add(value, lengths_);
  }

 private:
  ActivationSums& sums_;
  const at::Tensor lengths_;
  Hooks* const ablation_;
};

}  // namespace

int CaptureLayers::end_layer() const {
  int end = 0;
  for (size_t l = 0; l < z.size(); ++l) {
    if (z[l] || mlp_out[l]) end = static_cast<int>(l) + 1;
  }
  return end;
}

absl::StatusOr<ActivationMeans> CaptureMeans(const Gpt2& network, const std::vector<std::vector<int>>& prompts,
                                             const CaptureLayers& layers, Hooks* ablation, int64_t memory_budget_bytes,
                                             const Checkpoint& checkpoint) {
  size_t max_pos = 0;
  for (const auto& prompt : prompts) max_pos = std::max(max_pos, prompt.size());

  ActivationSums total(layers, max_pos);
  MicroBatchLimits limits = LimitsFor(network.device(), network.dtype(), memory_budget_bytes);
  // Adding a value up takes a masked copy of it and one in float64.
  limits.extra_bytes_per_token = network.config().d_model * (limits.element_size + int64_t{sizeof(double)});
  const auto batches = SplitIntoMicroBatches(network.config(), prompts, limits);
  RETURN_IF_ERROR(ForEachMicroBatch(batches, checkpoint, [&](MicroBatch batch) {
    return InTorch([&] {
      const PaddedPrompts padded =
          Pad(absl::MakeConstSpan(prompts).subspan(batch.begin, batch.end - batch.begin), network.device());
      // Sums of its own, so that a micro-batch that ran out of memory half-way leaves nothing in the total.
      ActivationSums sums(layers, max_pos);
      SumCapture capture(sums, padded.lengths, ablation);
      network.RunLayers(network.Embed(padded.tokens), 0, layers.end_layer(), &capture);
      total.Merge(sums);
      return absl::OkStatus();
    });
  }));

  return InTorch([&]() -> absl::StatusOr<ActivationMeans> {
    ActivationMeans means{std::vector<at::Tensor>(layers.z.size()), std::vector<at::Tensor>(layers.z.size())};
    for (size_t l = 0; l < layers.z.size(); ++l) {
      if (total.z[l]) means.z[l] = total.z[l]->Mean(network.dtype());
      if (total.mlp_out[l]) means.mlp_out[l] = total.mlp_out[l]->Mean(network.dtype());
    }
    return means;
  });
}

}  // namespace circuitd
