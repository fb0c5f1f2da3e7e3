#include "server/circuit/engine/row_means.h"

namespace circuitd {

void RowMeans::Add(const PromptRows& rows, bool final_only, const at::Tensor& values) {
  if (!sum_.defined()) {
    sum_ = at::zeros({max_pos_, values.size(1)}, values.options().dtype(at::kDouble));
    count_ = at::zeros({max_pos_}, values.options().dtype(at::kDouble));
  }
  const at::Tensor& positions = rows.Positions(final_only);
  const at::Tensor& sharers = rows.Sharers(final_only);
  const at::Tensor weights = sharers.defined() ? sharers : at::ones({values.size(0)}, values.options());
  count_.index_add_(0, positions, weights.to(at::kDouble));
  if (!final_only && !rows.row_of_place.defined()) {
    sum_.narrow(0, 0, rows.pos).add_(values.view({rows.prompts, rows.pos, -1}).sum(0));
    return;
  }
  at::Tensor sum = at::zeros(sum_.sizes(), values.options());
  sum.index_add_(0, positions, sharers.defined() ? values * sharers.unsqueeze(1) : values);
  sum_.add_(sum);
}

at::Tensor RowMeans::Mean() const { return (sum_ / count_.clamp_min(1).unsqueeze(1)).to(at::kFloat); }

}  // namespace circuitd
