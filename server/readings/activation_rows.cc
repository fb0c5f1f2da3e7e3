#include "server/readings/activation_rows.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd {

absl::StatusOr<std::vector<PromptPosition>> PositionsIn(const PositionSelector& selector,
                                                        const std::vector<std::vector<int>>& prompts,
                                                        const std::vector<PromptRoles>& roles, MicroBatch batch) {
  const auto batch_roles = roles.empty() ? absl::Span<const PromptRoles>() : Rows(roles, batch);
  ASSIGN_OR_RETURN(const auto selected, SelectPositionsOfAll(selector, Rows(prompts, batch), batch_roles));
  std::vector<PromptPosition> positions;
  for (size_t i = 0; i < selected.size(); ++i) {
    for (const int position : selected[i]) positions.push_back({batch.begin + i, position});
  }
  return positions;
}

at::Tensor RowsAt(const at::Tensor& x, absl::Span<const PromptPosition> positions, size_t first_prompt) {
  const int64_t count = positions.size();
  at::Tensor places = at::empty({2, count}, at::kLong);  // [row of the batch | position, positions]
  for (int64_t i = 0; i < count; ++i) {
    places.data_ptr<int64_t>()[i] = positions[i].prompt - first_prompt;
    places.data_ptr<int64_t>()[count + i] = positions[i].position;
  }
  places = places.to(x.device());
  return x.index({places[0], places[1]});
}

absl::Status CheckRowsFinite(const at::Tensor& values, absl::Span<const size_t> prompts, absl::string_view what) {
  const at::Tensor finite = values.isfinite().flatten(1).all(-1).cpu();  // [rows]
  for (size_t i = 0; i < prompts.size(); ++i) {
    if (finite.data_ptr<bool>()[i]) continue;
    return absl::FailedPreconditionError(absl::StrCat("prompts[", prompts[i], "]: ", what, " are not finite"));
  }
  return absl::OkStatus();
}

}  // namespace circuitd
