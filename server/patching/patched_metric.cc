#include "server/patching/patched_metric.h"

#include <map>
#include <utility>

#include "base/status.h"
#include "server/model/logit_readout.h"
#include "server/model/metric_values.h"

namespace circuitd {

PatchedMetric::PatchedMetric(const Gpt2& network, Metric metric, absl::Span<const Answer> answers,
                             const at::Tensor& clean_logits, size_t first_prompt)
    : network_(network), metric_(metric), answers_(answers), clean_logits_(clean_logits), first_prompt_(first_prompt) {
  if (metric != Metric::kLogitDiff) return;
  std::map<int, int> row_of;
  std::vector<int64_t> tokens;
  const auto rows = [&](const std::vector<int>& side) {
    std::vector<int> result;
    for (const int token : side) {
      const auto [row, is_new] = row_of.emplace(token, static_cast<int>(tokens.size()));
      if (is_new) tokens.push_back(token);
      result.push_back(row->second);
    }
    return result;
  };
  for (const Answer& answer : answers) {
    Answer numbered;
    numbered.correct = rows(answer.correct);
    numbered.incorrect = rows(answer.incorrect);
    answer_rows_.push_back(std::move(numbered));
  }
  answer_unembed_ = network.weights().unembed.index_select(0, at::tensor(tokens, at::kLong).to(network.device()));
}

absl::StatusOr<std::vector<double>> PatchedMetric::OfLogits(const at::Tensor& last_logits) const {
  RETURN_IF_ERROR(CheckFinite(last_logits, first_prompt_));
  return MetricPerPrompt(metric_, last_logits, clean_logits_, answers_);
}

absl::StatusOr<std::vector<double>> PatchedMetric::Of(const at::Tensor& last_residual,
                                                      const std::vector<size_t>& rows) const {
  const bool few_tokens = answer_unembed_.defined();
  const at::Tensor logits =
      (few_tokens ? at::matmul(network_.LnFinal(last_residual), answer_unembed_.t()) : network_.Unembed(last_residual))
          .to(at::kCPU, at::kFloat)
          .contiguous();  // [copies, tokens]
  std::vector<size_t> prompts;
  for (const size_t row : rows) prompts.push_back(first_prompt_ + row);
  RETURN_IF_ERROR(CheckFinite(logits, prompts));
  if (metric_ == Metric::kKlDiv) {
    const std::vector<int64_t> index(rows.begin(), rows.end());
    return MetricPerPrompt(metric_, logits, clean_logits_.index_select(0, at::tensor(index, at::kLong)), {});
  }
  std::vector<Answer> answers;
  for (const size_t row : rows) answers.push_back(few_tokens ? answer_rows_[row] : answers_[row]);
  return MetricPerPrompt(metric_, logits, clean_logits_, answers);
}

}  // namespace circuitd
