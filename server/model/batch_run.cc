#include "server/model/batch_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/logit_readout.h"

namespace circuitd {
namespace {

at::Tensor HostLogits(const Gpt2& network, const at::Tensor& normalized) {
  return network.Logits(normalized).to(at::kCPU, at::kFloat).contiguous();
}

// normalized [pos, d_model] -> [pos, d_vocab].
HostTensor AllLogits(const Gpt2& network, const at::Tensor& normalized) {
  // All positions of a prompt of 1,024 tokens are 200 MB: too much for a device that is nearly full.
  constexpr int64_t kPositionsAtOnce = 64;
  const int64_t length = normalized.size(0);
  HostTensor logits;
  logits.shape = {length, network.config().d_vocab};
  logits.data.reserve(length * network.config().d_vocab * sizeof(float));
  for (int64_t begin = 0; begin < length; begin += kPositionsAtOnce) {
    const int64_t rows = std::min(kPositionsAtOnce, length - begin);
    logits.data += ToHost(HostLogits(network, normalized.narrow(0, begin, rows))).data;
  }
  return logits;
}

}  // namespace

BatchRun RunBatch(const Gpt2& network, const PaddedPrompts& prompts, Hooks* hooks) {
  BatchRun run;
  run.normalized = network.LnFinal(network.Run(prompts.tokens, hooks), hooks);
  run.last_logits = HostLogits(network, AtLastPosition(run.normalized, prompts));
  return run;
}

absl::Status SinkTensors(const Gpt2& network, const BatchRun& run, ActivationRecorder& recorder,
                         absl::Span<const std::vector<int>> prompts, LogitsPositions positions, size_t first_prompt,
                         const TensorSink& sink) {
  for (size_t row = 0; row < prompts.size(); ++row) {
    const size_t number = first_prompt + row;
    RETURN_IF_ERROR(recorder.SinkPrompt(row, number, sink));
    if (positions == LogitsPositions::kNone) continue;
    const int64_t length = prompts[row].size();
    HostTensor logits = positions == LogitsPositions::kLast
                            ? ToHost(run.last_logits.narrow(0, row, 1))
                            : AllLogits(network, run.normalized[row].narrow(0, 0, length));
    RETURN_IF_ERROR(sink(absl::StrCat("logits/", number), std::move(logits)));
  }
  return absl::OkStatus();
}

}  // namespace circuitd
