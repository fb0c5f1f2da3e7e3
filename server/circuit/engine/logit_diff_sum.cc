#include "server/circuit/engine/logit_diff_sum.h"

#include <vector>

namespace circuitd {

at::Tensor AnswerDirection(const Gpt2& network, const PromptPair& pair) {
  const at::Tensor& unembed = network.weights().unembed;  // [d_vocab, d_model]
  const auto mean = [&](const std::vector<int>& tokens) {
    return unembed.index_select(0, at::tensor(tokens, at::kLong).to(unembed.device())).mean(0);
  };
  return mean(pair.correct) - mean(pair.incorrect);
}

LogitDiffSum::LogitDiffSum(const Gpt2& network)
    : network_(network), sum_(at::zeros({}, at::TensorOptions(network.device()).dtype(at::kDouble))) {}

void LogitDiffSum::Add(const at::Tensor& stream, const PromptRows& rows, const at::Tensor& directions) {
  const at::Tensor last = network_.LnFinal(stream).index_select(0, rows.final_of_prompt);  // [prompts, d_model]
  sum_.add_((last * directions).sum(at::kDouble));
}

}  // namespace circuitd
