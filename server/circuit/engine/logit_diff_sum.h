// What the score is made of: the answers' logits, and no others.
#pragma once

#include <ATen/ATen.h>

#include "server/circuit/engine/prompt_rows.h"
#include "server/model/gpt2.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

// [d_model]: a normalized residual stream times this is mean logit of the correct tokens - mean logit of the incorrect
// ones.
at::Tensor AnswerDirection(const Gpt2& network, const PromptPair& pair);

// Adds up logit differences over chunks, on the device. Not thread-safe.
class LogitDiffSum {
 public:
  explicit LogitDiffSum(const Gpt2& network);

  // stream [final rows, d_model] after the last layer; directions [prompts, d_model].
  void Add(const at::Tensor& stream, const PromptRows& rows, const at::Tensor& directions);

  // Waits for the device.
  double Get() const { return sum_.item<double>(); }

 private:
  const Gpt2& network_;
  at::Tensor sum_;  // float64 scalar
};

}  // namespace circuitd
