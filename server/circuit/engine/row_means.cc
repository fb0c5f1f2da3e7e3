#include "server/circuit/engine/row_means.h"

namespace circuitd {

void RowMeans::Add(const PromptRows& rows, bool final_only, const at::Tensor& values) {
  if (!sum_.defined()) {
    sum_ = at::zeros({max_pos_, values.size(1)}, values.options().dtype(at::kDouble));
    count_ = at::zeros({max_pos_}, values.options().dtype(at::kDouble));
  }
  if (!final_only && !rows.padded) {
    // By prompt, where sums need no indices.
    const at::Tensor places = rows.row_of_place.defined() ? values.index_select(0, rows.row_of_place) : values;
    sum_.narrow(0, 0, rows.pos).add_(places.view({rows.prompts, rows.pos, -1}).sum(0, /*keepdim=*/false, at::kDouble));
    count_.narrow(0, 0, rows.pos).add_(rows.prompts);
    return;
  }
  const at::Tensor& positions = rows.Positions(final_only);
  const at::Tensor& sharers = rows.Sharers(final_only);
  at::Tensor weighted = values.to(at::kDouble);
  if (sharers.defined()) weighted.mul_(sharers.unsqueeze(1));
  sum_.index_add_(0, positions, weighted);
  count_.index_add_(0, positions, sharers.defined() ? sharers : at::ones({values.size(0)}, weighted.options()));
}

at::Tensor RowMeans::Mean() const { return (sum_ / count_.clamp_min(1).unsqueeze(1)).to(at::kFloat); }

}  // namespace circuitd
