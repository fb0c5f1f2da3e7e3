#include "server/model/logit_readout.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd {
namespace {

DType HostDType(at::ScalarType type) {
  switch (type) {
    case at::kHalf:
      return DType::kFloat16;
    case at::kBFloat16:
      return DType::kBFloat16;
    case at::kLong:
      return DType::kInt64;
    default:
      return DType::kFloat32;
  }
}

// The k tokens of the highest logits, equal ones by id.
std::vector<int> TopTokens(const float* logits, int d_vocab, int k) {
  k = std::clamp(k, 0, d_vocab);
  if (k == 0) return {};
  const auto before = [logits](int a, int b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; };
  std::vector<int> best(k);  // a heap, the last of them in front
  std::iota(best.begin(), best.end(), 0);
  std::make_heap(best.begin(), best.end(), before);
  for (int token = k; token < d_vocab; ++token) {
    // An equal logit has the higher id.
    if (logits[token] <= logits[best.front()]) continue;
    std::pop_heap(best.begin(), best.end(), before);
    best.back() = token;
    std::push_heap(best.begin(), best.end(), before);
  }
  std::sort_heap(best.begin(), best.end(), before);
  return best;
}

size_t PromptOf(size_t row, absl::Span<const size_t> prompts) { return prompts[row]; }
size_t PromptOf(size_t row, size_t first_prompt) { return first_prompt + row; }

// `prompts` says whose the rows are: the number of each row's, or of the first one's.
template <typename Prompts>
absl::Status CheckRows(const at::Tensor& logits, Prompts prompts) {
  const at::Tensor finite = logits.isfinite().all(-1);  // [rows]
  for (int64_t i = 0; i < finite.numel(); ++i) {
    if (finite.data_ptr<bool>()[i]) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("prompts[", PromptOf(i, prompts), "]: the run's logits are not finite"));
  }
  return absl::OkStatus();
}

template <typename Prompts>
absl::StatusOr<std::vector<PromptLogits>> ReadRows(const at::Tensor& logits, const LogitsSelection& selection,
                                                   Prompts prompts) {
  RETURN_IF_ERROR(CheckRows(logits, prompts));
  const int d_vocab = static_cast<int>(logits.size(1));
  RETURN_IF_ERROR(ValidateTokens(d_vocab, "logits.chosen_tokens", selection.chosen_tokens));
  std::vector<PromptLogits> result(logits.size(0));
  if (selection.top_k == 0 && selection.chosen_tokens.empty()) return result;
  const at::Tensor log_normalizers = logits.logsumexp(-1);  // [rows]
  for (size_t i = 0; i < result.size(); ++i) {
    const float* row = logits.data_ptr<float>() + i * d_vocab;
    const float log_normalizer = log_normalizers.data_ptr<float>()[i];
    const auto entry = [&](int token) { return TokenLogit{token, row[token], row[token] - log_normalizer}; };
    for (int token : TopTokens(row, d_vocab, selection.top_k)) result[i].top.push_back(entry(token));
    for (int token : selection.chosen_tokens) result[i].chosen.push_back(entry(token));
  }
  return result;
}

}  // namespace

HostTensor ToHost(const at::Tensor& tensor) {
  const at::Tensor host = tensor.cpu().contiguous();
  HostTensor result;
  result.dtype = HostDType(host.scalar_type());
  result.shape = host.sizes().vec();
  result.data.assign(static_cast<const char*>(host.data_ptr()), host.nbytes());
  return result;
}

at::Tensor LastLogits(const Gpt2& network, const at::Tensor& residual, const PaddedPrompts& prompts) {
  return network.Unembed(AtLastPosition(residual, prompts)).to(at::kCPU, at::kFloat).contiguous();
}

absl::Status CheckFinite(const at::Tensor& last_logits, size_t first_prompt) {
  return CheckRows(last_logits, first_prompt);
}

absl::Status CheckFinite(const at::Tensor& logits, absl::Span<const size_t> prompts) {
  return CheckRows(logits, prompts);
}

absl::StatusOr<std::vector<PromptLogits>> ReadLogits(const at::Tensor& last_logits, const LogitsSelection& selection,
                                                     size_t first_prompt) {
  return ReadRows(last_logits, selection, first_prompt);
}

absl::StatusOr<std::vector<PromptLogits>> ReadLogits(const at::Tensor& logits, const LogitsSelection& selection,
                                                     absl::Span<const size_t> prompts) {
  return ReadRows(logits, selection, prompts);
}

}  // namespace circuitd
