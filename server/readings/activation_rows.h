// Rows of activations: the values at chosen positions of a micro-batch's prompts.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/model/micro_batch.h"
#include "server/model/position_selector.h"

namespace circuitd {

struct PromptPosition {
  size_t prompt = 0;
  int position = 0;
};

// The positions of a micro-batch's prompts, prompt after prompt, in ascending order. `roles` has one entry a prompt, or
// none. Errors as SelectPositionsOfAll, with prompts counted from the micro-batch's first.
absl::StatusOr<std::vector<PromptPosition>> PositionsIn(const PositionSelector& selector,
                                                        const std::vector<std::vector<int>>& prompts,
                                                        const std::vector<PromptRoles>& roles, MicroBatch batch);

// x [batch, pos, ...], of a micro-batch's prompts from `first_prompt` on -> [positions, ...].
at::Tensor RowsAt(const at::Tensor& x, absl::Span<const PromptPosition> positions, size_t first_prompt);

// values [rows, ...], row i being of prompts[i]. FAILED_PRECONDITION, naming the prompt, if one is not finite; `what`
// says what they are: "the model's attention patterns".
absl::Status CheckRowsFinite(const at::Tensor& values, absl::Span<const size_t> prompts, absl::string_view what);

}  // namespace circuitd
