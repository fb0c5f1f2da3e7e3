#include "server/circuit/engine/row_means.h"

namespace circuitd {

void RowMeans::Add(const PromptRows& rows, bool final_only, const at::Tensor& values) {
  if (final_only || rows.padded) {
    means_.AddRows(values, rows.Positions(final_only), rows.Sharers(final_only));
    return;
  }
  // By prompt, where sums need no indices.
  const at::Tensor places = rows.row_of_place.defined() ? values.index_select(0, rows.row_of_place) : values;
  means_.AddWhole(places.view({rows.prompts, rows.pos, -1}));
}

}  // namespace circuitd
