#include "server/circuit/position_means.h"

#include <vector>

namespace circuitd {

void PositionMeans::Add(const at::Tensor& value, const at::Tensor& lengths) {
  if (!sum_.defined()) {
    std::vector<int64_t> shape = value.sizes().vec();
    shape.erase(shape.begin());
    shape[0] = max_pos_;
    sum_ = at::zeros(shape, value.options().dtype(at::kDouble));
    count_ = at::zeros({max_pos_}, value.options().dtype(at::kDouble));
  }
  const int64_t pos = value.size(1);
  at::Tensor present = at::arange(pos, lengths.options()).unsqueeze(0) < lengths.unsqueeze(1);  // [batch, pos]
  count_.narrow(0, 0, pos).add_(present.sum(0));
  while (present.dim() < value.dim()) present = present.unsqueeze(-1);
  // Not a product: padding may overflow, and 0 * infinity is NaN.
  sum_.narrow(0, 0, pos).add_(value.masked_fill(present.logical_not(), 0).sum(0, /*keepdim=*/false, at::kDouble));
}

void PositionMeans::Merge(const PositionMeans& other) {
  if (!sum_.defined()) {
    sum_ = other.sum_;
    count_ = other.count_;
  } else {
    sum_.add_(other.sum_);
    count_.add_(other.count_);
  }
}

at::Tensor PositionMeans::Mean(at::ScalarType dtype) const {
  std::vector<int64_t> shape(sum_.dim(), 1);
  shape[0] = max_pos_;
  return (sum_ / count_.clamp_min(1).view(shape)).to(dtype);
}

}  // namespace circuitd
