// The run of one micro-batch, from padded prompts to logits, and the tensors that a request wants of it.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/model/activation_recorder.h"
#include "server/model/forward.h"
#include "server/model/gpt2.h"
#include "server/model/micro_batch.h"

namespace circuitd {

struct BatchRun {
  at::Tensor normalized;   // [batch, pos, d_model], after ln_final
  at::Tensor last_logits;  // [batch, d_vocab] at each prompt's last position, float32 on the host
};

// Runs the whole network. `hooks` (may be null) see every hook point at all positions, ln_final's too. Torch's
// exceptions.
BatchRun RunBatch(const Gpt2& network, const PaddedPrompts& prompts, Hooks* hooks = nullptr);

// Gives `sink`, prompt after prompt, what `recorder` recorded of the run, and the full logits that `positions` asks for
// ("logits/3", [pos, d_vocab] float32). The first of `prompts`, the run's, is number `first_prompt`. Once for each run.
absl::Status SinkTensors(const Gpt2& network, const BatchRun& run, ActivationRecorder& recorder,
                         absl::Span<const std::vector<int>> prompts, LogitsPositions positions, size_t first_prompt,
                         const TensorSink& sink);

}  // namespace circuitd
