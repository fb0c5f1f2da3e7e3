#include "server/circuit/engine/shared_run.h"

#include <utility>

namespace circuitd {
namespace {

PromptRows BothRows(const std::vector<ReadPrompt>& clean, const std::vector<ReadPrompt>& corrupted, at::Device device) {
  std::vector<ReadPrompt> both = clean;
  for (const ReadPrompt& prompt : corrupted) both.push_back(prompt);
  return MakePromptRows(both, device);
}

// For the rows of prompts that are numbers `first_prompt` and so on in `both`: theirs there.
at::Tensor RowsIn(const PromptRows& both, const PromptRows& rows, int64_t first_prompt) {
  const at::Tensor place = rows.place_of_row.defined() ? rows.place_of_row : rows.RowOfPlace();
  // Places of prompts that are padded to another length.
  const at::Tensor prompt = place.div(rows.pos, "trunc"), position = place.remainder(rows.pos);
  return both.RowOfPlace().index_select(0, (prompt + first_prompt) * both.pos + position);
}

at::Tensor FinalRowsIn(const PromptRows& both, const at::Tensor& row_in_both, const PromptRows& rows) {
  at::Tensor final_of_row = at::full({both.rows}, -1, both.tokens.options());
  final_of_row.index_put_({both.final_rows}, at::arange(both.final_rows.size(0), both.tokens.options()));
  return final_of_row.index_select(0, row_in_both.index_select(0, rows.final_rows));
}

}  // namespace

SharedRun::SharedRun(const Gpt2& network, EngineWeights& weights, const std::vector<ReadPrompt>& clean_prompts,
                     const std::vector<ReadPrompt>& corrupted_prompts, const PromptRows& clean,
                     const PromptRows& corrupted, const Keeps& keeps, const Checkpoint& checkpoint)
    : both_(network, weights, BothRows(clean_prompts, corrupted_prompts, network.device()), keeps, checkpoint),
      clean_rows_(RowsIn(both_.rows(), clean, 0)),
      corrupted_rows_(RowsIn(both_.rows(), corrupted, clean.prompts)),
      clean_final_(FinalRowsIn(both_.rows(), clean_rows_, clean)),
      corrupted_final_(FinalRowsIn(both_.rows(), corrupted_rows_, corrupted)) {}

MidStream SharedRun::Select(const MidStream& mid, const at::Tensor& rows, const at::Tensor& final_rows) {
  const bool final_only = mid.stream.final_only;
  const at::Tensor& index = final_only ? final_rows : rows;
  MidStream selected{{mid.stream.x.index_select(0, index), final_only}, {}};
  if (mid.product.defined()) selected.product = mid.product.index_select(0, index);
  return selected;
}

}  // namespace circuitd
