#include "server/model/metric_values.h"

#include <algorithm>
#include <cmath>
#include <limits>

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

// Tokens of a higher logit than the likeliest correct one.
double Rank(const double* row, int64_t d_vocab, const std::vector<int>& correct) {
  double highest = row[correct[0]];
  for (int token : correct) highest = std::max(highest, row[token]);
  return static_cast<double>(std::count_if(row, row + d_vocab, [highest](double logit) { return logit > highest; }));
}

// KL(reference || logits), rows [batch, d_vocab] in float64.
std::vector<double> KlDivergences(const at::Tensor& logits, const at::Tensor& reference) {
  const at::Tensor log_probs = logits.log_softmax(-1), reference_log_probs = reference.log_softmax(-1);
  const at::Tensor kl =
      (reference_log_probs.exp() * (reference_log_probs - log_probs)).sum(-1).contiguous();  // [batch]
  return {kl.data_ptr<double>(), kl.data_ptr<double>() + kl.numel()};
}

// Of one prompt; `row` has logits, or log probabilities where ReadsProbabilities.
double Value(Metric metric, const double* row, int64_t d_vocab, const Answer& answer) {
  switch (metric) {
    case Metric::kLogitDiff:
      return Mean(row, answer.correct) - Mean(row, answer.incorrect);
    case Metric::kProbDiff:
      return std::exp(LogSumExp(row, answer.correct)) - std::exp(LogSumExp(row, answer.incorrect));
    case Metric::kNll:
      return -LogSumExp(row, answer.correct);
    case Metric::kRank:
      return Rank(row, d_vocab, answer.correct);
    case Metric::kAccuracy:
      return Rank(row, d_vocab, answer.correct) == 0 ? 1 : 0;
    case Metric::kKlDiv:
      break;  // of whole distributions, without answers
  }
  return std::numeric_limits<double>::quiet_NaN();
}

bool ReadsProbabilities(Metric metric) { return metric == Metric::kProbDiff || metric == Metric::kNll; }

}  // namespace

std::vector<double> MetricPerPrompt(Metric metric, const at::Tensor& logits, const at::Tensor& reference,
                                    absl::Span<const Answer> answers) {
  const at::Tensor wide = logits.to(at::kDouble).contiguous();
  if (metric == Metric::kKlDiv) return KlDivergences(wide, reference.to(at::kDouble));
  const at::Tensor rows = ReadsProbabilities(metric) ? wide.log_softmax(-1) : wide;  // [batch, d_vocab]
  std::vector<double> values;
  for (size_t i = 0; i < answers.size(); ++i) {
    values.push_back(Value(metric, rows.data_ptr<double>() + i * rows.size(1), rows.size(1), answers[i]));
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
