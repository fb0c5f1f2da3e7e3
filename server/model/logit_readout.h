// From a run's logits to what a request wants to know of them.
#pragma once

#include <ATen/ATen.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/model/forward.h"
#include "server/model/gpt2.h"
#include "server/model/micro_batch.h"

namespace circuitd {

// A tensor's values in host memory, in their own dtype.
HostTensor ToHost(const at::Tensor& tensor);

// Logits at the last position of each prompt, float32 on the host: residual [batch, pos, d_model] -> [batch, d_vocab].
at::Tensor LastLogits(const Gpt2& network, const at::Tensor& residual, const PaddedPrompts& prompts);

// FAILED_PRECONDITION, naming the prompt (the first row is `first_prompt`), if one of the logits is not finite.
absl::Status CheckFinite(const at::Tensor& last_logits, size_t first_prompt);

// The same of rows of which row i is of prompts[i].
absl::Status CheckFinite(const at::Tensor& logits, absl::Span<const size_t> prompts);

// last_logits [batch, d_vocab] float32 on the host -> one entry a prompt. Errors as CheckFinite; INVALID_ARGUMENT for a
// chosen token outside the vocabulary.
absl::StatusOr<std::vector<PromptLogits>> ReadLogits(const at::Tensor& last_logits, const LogitsSelection& selection,
                                                     size_t first_prompt);

// The same of any positions' logits [rows, d_vocab], row i being of prompts[i]: one entry a row.
absl::StatusOr<std::vector<PromptLogits>> ReadLogits(const at::Tensor& logits, const LogitsSelection& selection,
                                                     absl::Span<const size_t> prompts);

}  // namespace circuitd
