#include "server/circuit/metric_values.h"

#include <algorithm>
#include <cmath>

namespace circuitd {
namespace {

double Mean(const double* row, const std::vector<int>& tokens) {
  double sum = 0;
  for (int token : tokens) sum += row[token];
  return sum / static_cast<double>(tokens.size());
}

// log(sum(exp(row[token]))), finite also where the exponentials underflow.
double LogSumExp(const double* row, const std::vector<int>& tokens) {
  double highest = row[tokens[0]];
  for (int token : tokens) highest = std::max(highest, row[token]);
  double sum = 0;
  for (int token : tokens) sum += std::exp(row[token] - highest);
  return highest + std::log(sum);
}

}  // namespace

std::vector<double> MetricPerPrompt(Metric metric, const at::Tensor& logits, const at::Tensor& unpatched,
                                    absl::Span<const Answer> answers) {
  const at::Tensor wide = logits.to(at::kDouble).contiguous();
  if (metric == Metric::kKlDiv) {
    const at::Tensor patched_log_probs = wide.log_softmax(-1);
    const at::Tensor unpatched_log_probs = unpatched.to(at::kDouble).log_softmax(-1);
    const at::Tensor kl =
        (unpatched_log_probs.exp() * (unpatched_log_probs - patched_log_probs)).sum(-1).contiguous();  // [batch]
    return {kl.data_ptr<double>(), kl.data_ptr<double>() + kl.numel()};
  }
  const at::Tensor rows = metric == Metric::kLogitDiff ? wide : wide.log_softmax(-1);
  std::vector<double> values;
  for (size_t i = 0; i < answers.size(); ++i) {
    const double* row = rows.data_ptr<double>() + i * rows.size(1);
    if (metric == Metric::kLogitDiff) {
      values.push_back(Mean(row, answers[i].correct) - Mean(row, answers[i].incorrect));
    } else if (metric == Metric::kProbDiff) {
      values.push_back(std::exp(LogSumExp(row, answers[i].correct)) - std::exp(LogSumExp(row, answers[i].incorrect)));
    } else {
      values.push_back(-LogSumExp(row, answers[i].correct));
    }
  }
  return values;
}

MicroBatchLimits MetricLimits(const Gpt2& network, int64_t budget_bytes) {
  // Two rows of logits on the host in float32, and at most seven temporaries in float64.
  constexpr int64_t kBytesPerLogit = 2 * sizeof(float) + 7 * sizeof(double);
  MicroBatchLimits limits = LimitsFor(network.device(), network.dtype(), budget_bytes);
  limits.extra_bytes_per_prompt = kBytesPerLogit * network.config().d_vocab;
  return limits;
}

}  // namespace circuitd
