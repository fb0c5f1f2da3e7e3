#include "server/patching/hook_means.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "server/model/partial_run.h"
#include "server/model/prompt_length.h"
#include "server/model/torch_border.h"
#include "server/patching/position_means.h"

namespace circuitd {
namespace {

// The sums of one run or of several.
class HookSums {
 public:
  HookSums(const std::vector<HookPoint>& points, int64_t max_pos) {
    for (const HookPoint point : points) sums_.try_emplace(point, Sum{PositionMeans(max_pos)});
  }

  bool Has(HookPoint point) const { return sums_.contains(point); }

  void Add(HookPoint point, const at::Tensor& value, const at::Tensor& lengths) {
    const auto found = sums_.find(point);
    if (found == sums_.end()) return;
    found->second.dtype = value.scalar_type();
    if (AxesOf(point.kind) == HookAxes::kHeadsQueryKey) {
      found->second.means.AddAttention(value, lengths);
    } else {
      found->second.means.Add(value, lengths);
    }
  }

  void Merge(const HookSums& other) {
    for (auto& [point, sum] : sums_) sum.means.Merge(other.sums_.at(point).means);
  }

  HookMeans Means() const {
    HookMeans means;
    for (const auto& [point, sum] : sums_) means[point] = sum.means.Mean(sum.dtype);
    return means;
  }

 private:
  struct Sum {
    PositionMeans means;
    at::ScalarType dtype = at::kFloat;  // of the values
  };
  std::map<HookPoint, Sum, HookPointLess> sums_;
};

class SumCapture : public Hooks {
 public:
  SumCapture(HookSums& sums, const at::Tensor& lengths, Hooks* ablation)
      : sums_(sums), lengths_(lengths), ablation_(ablation) {}

  bool Wants(HookPoint point) const override {
    return sums_.Has(point) || (ablation_ != nullptr && ablation_->Wants(point));
  }

  void Visit(HookPoint point, at::Tensor& value) override {
    if (ablation_ != nullptr && ablation_->Wants(point)) ablation_->Visit(point, value);
    sums_.Add(point, value, lengths_);
  }

 private:
  HookSums& sums_;
  const at::Tensor lengths_;
  Hooks* const ablation_;
};

}  // namespace

MicroBatchLimits HookMeansLimits(const Gpt2& network, const std::vector<HookPoint>& points, int64_t max_pos,
                                 int64_t budget_bytes) {
  MicroBatchLimits limits = LimitsFor(network.device(), network.dtype(), budget_bytes);
  int64_t widest = 0, all = 0;
  for (const HookPoint point : points) {
    const int64_t elements = ElementsPerToken(network.config(), point.kind, max_pos);
    widest = std::max(widest, elements);
    all += elements;
  }
  // Adding a value up takes a masked copy of it and one in float64.
  limits.extra_bytes_per_token = widest * (2 * limits.element_size + int64_t{sizeof(double)});
  // The total and a micro-batch's own sums.
  limits.budget_bytes = std::max<int64_t>(limits.budget_bytes - 2 * all * max_pos * int64_t{sizeof(double)}, 1);
  return limits;
}

absl::StatusOr<HookMeans> CaptureHookMeans(const Gpt2& network, const std::vector<std::vector<int>>& prompts,
                                           const std::vector<MicroBatch>& batches, const std::vector<HookPoint>& points,
                                           Hooks* ablation, const Checkpoint& checkpoint) {
  if (points.empty()) return HookMeans();
  const size_t max_pos = LongestPrompt(prompts);
  HookSums total(points, max_pos);
  RETURN_IF_ERROR(ForEachMicroBatch(batches, checkpoint, [&](MicroBatch batch) {
    return InTorch([&] {
      const PaddedPrompts padded = Pad(Rows(prompts, batch), network.device());
      // Sums of its own, so that a micro-batch that ran out of memory half-way leaves nothing in the total.
      HookSums sums(points, max_pos);
      SumCapture capture(sums, padded.lengths, ablation);
      RunUpTo(network, padded.tokens, points, &capture);
      // Swapped in when they are whole: adding to the total may run out of memory too.
      sums.Merge(total);
      std::swap(total, sums);
      return absl::OkStatus();
    });
  }));
  return InTorch([&]() -> absl::StatusOr<HookMeans> { return total.Means(); });
}

}  // namespace circuitd
