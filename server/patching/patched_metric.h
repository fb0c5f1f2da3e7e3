// The metric of patched runs of a micro-batch, from their residual streams at the last positions.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/model/gpt2.h"
#include "server/model/metric.h"

namespace circuitd {

class PatchedMetric {
 public:
  // clean_logits [batch, d_vocab] float32 on the host: what kKlDiv compares with. `answers` has one entry a prompt, or
  // none for kKlDiv. All have to outlive this; `first_prompt` is the number of the first prompt, for messages.
  PatchedMetric(const Gpt2& network, Metric metric, absl::Span<const Answer> answers, const at::Tensor& clean_logits,
                size_t first_prompt);

  // Of each prompt of an unpatched run. FAILED_PRECONDITION if a logit is not finite.
  absl::StatusOr<std::vector<double>> OfLogits(const at::Tensor& last_logits) const;

  // Of patched copies of prompts: last_residual [copies, d_model]; rows[i] says whose copy i is. Errors as above.
  absl::StatusOr<std::vector<double>> Of(const at::Tensor& last_residual, const std::vector<size_t>& rows) const;

 private:
  const Gpt2& network_;
  const Metric metric_;
  const absl::Span<const Answer> answers_;
  const at::Tensor& clean_logits_;
  const size_t first_prompt_;
  // A logit difference needs no other logits than the answers': the unembedding's rows of their tokens, [tokens,
  // d_model], and the answers as numbers of these rows.
  at::Tensor answer_unembed_;
  std::vector<Answer> answer_rows_;
};

}  // namespace circuitd
