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
  std::vector<int> ids(d_vocab);
  std::iota(ids.begin(), ids.end(), 0);
  k = std::min(k, d_vocab);
  std::partial_sort(ids.begin(), ids.begin() + k, ids.end(),
                    [logits](int a, int b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; });
  ids.resize(k);
  return ids;
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
  const at::Tensor finite = last_logits.isfinite().all(-1);  // [batch]
  for (int64_t i = 0; i < finite.numel(); ++i) {
    if (finite.data_ptr<bool>()[i]) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("prompts[", first_prompt + i, "]: the model's logits are not finite"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PromptLogits>> ReadLogits(const at::Tensor& last_logits, const LogitsSelection& selection,
                                                     size_t first_prompt) {
  RETURN_IF_ERROR(CheckFinite(last_logits, first_prompt));
  const int d_vocab = static_cast<int>(last_logits.size(1));
  RETURN_IF_ERROR(ValidateTokens(d_vocab, "logits.chosen_tokens", selection.chosen_tokens));
  const at::Tensor log_normalizers = last_logits.logsumexp(-1);  // [batch]
  std::vector<PromptLogits> result(last_logits.size(0));
  for (size_t i = 0; i < result.size(); ++i) {
    const float* logits = last_logits.data_ptr<float>() + i * d_vocab;
    const float log_normalizer = log_normalizers.data_ptr<float>()[i];
    const auto entry = [&](int token) { return TokenLogit{token, logits[token], logits[token] - log_normalizer}; };
    for (int token : TopTokens(logits, d_vocab, selection.top_k)) result[i].top.push_back(entry(token));
    for (int token : selection.chosen_tokens) result[i].chosen.push_back(entry(token));
  }
  return result;
}

}  // namespace circuitd
