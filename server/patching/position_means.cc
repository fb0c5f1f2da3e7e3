#include "server/patching/position_means.h"

namespace circuitd {

void PositionMeans::CreateSums(const std::vector<int64_t>& shape, const at::Tensor& like) {
  if (sum_.defined()) return;
  sum_ = at::zeros(shape, like.options().dtype(at::kDouble));
  count_ = at::zeros({max_pos_}, like.options().dtype(at::kDouble));
}

void PositionMeans::AddTo(at::Tensor sums, const at::Tensor& value, const at::Tensor& lengths) {
  const int64_t pos = value.size(1);
  at::Tensor present = at::arange(pos, lengths.options()).unsqueeze(0) < lengths.unsqueeze(1);  // [batch, pos]
  count_.narrow(0, 0, pos).add_(present.sum(0));
  while (present.dim() < value.dim()) present = present.unsqueeze(-1);
  // Not a product: padding may overflow, and 0 * infinity is NaN.
  sums.add_(value.masked_fill(present.logical_not(), 0).sum(0, /*keepdim=*/false, at::kDouble));
}

void PositionMeans::Add(const at::Tensor& value, const at::Tensor& lengths) {
  std::vector<int64_t> shape = value.sizes().vec();
  shape.erase(shape.begin());
  shape[0] = max_pos_;
  CreateSums(shape, value);
  AddTo(sum_.narrow(0, 0, value.size(1)), value, lengths);
}

void PositionMeans::AddWhole(const at::Tensor& value) {
  const int64_t pos = value.size(1);
  std::vector<int64_t> shape = value.sizes().vec();
  shape.erase(shape.begin());
  shape[0] = max_pos_;
  CreateSums(shape, value);
  sum_.narrow(0, 0, pos).add_(value.sum(0, /*keepdim=*/false, at::kDouble));
  count_.narrow(0, 0, pos).add_(value.size(0));
}

void PositionMeans::AddRows(const at::Tensor& value, const at::Tensor& positions, const at::Tensor& prompts) {
  std::vector<int64_t> shape = value.sizes().vec();
  shape[0] = max_pos_;
  CreateSums(shape, value);
  at::Tensor weighted = value.to(at::kDouble);
  if (prompts.defined()) weighted.mul_(prompts.unsqueeze(1));
  sum_.index_add_(0, positions, weighted);
  count_.index_add_(0, positions, prompts.defined() ? prompts : at::ones({value.size(0)}, weighted.options()));
}

void PositionMeans::AddAttention(const at::Tensor& value, const at::Tensor& lengths) {
  const int64_t pos = value.size(2);
  CreateSums({max_pos_, value.size(1), max_pos_}, value);
  AddTo(sum_.narrow(0, 0, pos).narrow(2, 0, pos), value.transpose(1, 2), lengths);  // [batch, query, n_heads, key]
}

void PositionMeans::Merge(const PositionMeans& other) {
  if (!other.sum_.defined()) return;
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
