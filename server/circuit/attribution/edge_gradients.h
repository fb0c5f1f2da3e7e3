// The loss's gradient at the input of every receiver, by LibTorch's autograd through the network's own code.
#pragma once

#include <ATen/ATen.h>

#include <array>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "base/checkpoint.h"
#include "server/model/gpt2.h"
#include "server/model/metric.h"
#include "server/model/micro_batch.h"

namespace circuitd {

// The sum over prompts of minus logit_diff or prob_diff, or of kl_div or nll: a float64 scalar that can be
// differentiated. logits, `reference` (needed for kKlDiv only) [batch, d_vocab]. `answers` has one entry a prompt (none
// needed for kKlDiv). Throws torch's exceptions.
at::Tensor SummedLoss(Metric metric, const at::Tensor& logits, const at::Tensor& reference,
                      absl::Span<const Answer> answers);

// An output that flows on instead of what the run computes there.
struct ReplacedOutput {
  HookPoint point;   // a kAttnOut or kMlpOut
  at::Tensor value;  // [batch, pos, d_model]
};

struct GradientRun {
  const Gpt2& network;
  const PaddedPrompts& prompts;
  absl::Span<const Answer> answers;
  Metric metric = Metric::kLogitDiff;
  at::Tensor reference;  // as SummedLoss
  at::Tensor embedding;  // before layer 0 [batch, pos, d_model]
  std::optional<ReplacedOutput> replaced;
  size_t first_prompt = 0;  // number of the first prompt, for messages
};

// Of d loss / d receiver's input, what one layer's receivers are reckoned from. Undefined where no gradient arrives: at
// what feeds only a replaced output.
struct LayerGradients {
  at::Tensor resid_pre;           // what q, k and v are made of, in this run [batch, pos, d_model]
  std::array<at::Tensor, 3> qkv;  // d loss / d q, k, v [batch, pos, n_heads, d_head]
  at::Tensor mlp_in;              // d loss / d the MLP's input, before ln2 [batch, pos, d_model]
};

struct EdgeGradients {
  std::vector<LayerGradients> layers;
  at::Tensor logits;  // d loss / d the last residual stream, before ln_final [batch, pos, d_model]
};

// One run forward and one backward; gradients are 0 at padding. Outside of inference mode (InTorchWithAutograd).
// `checkpoint` (may be empty) is called before each of both, and its error is the result. FAILED_PRECONDITION naming
// the prompt if its logits are not finite. Throws torch's exceptions.
absl::StatusOr<EdgeGradients> RunWithGradients(const GradientRun& run, const Checkpoint& checkpoint);

// For each edge (s, r) adds the sum over prompts, positions and d_model of differences[s] * d loss / d r's input to
// sums[r, s]: float64 [n_receivers, n_senders] on the network's device. differences [n_senders, batch, pos, d_model] by
// SenderRank. Throws torch's exceptions.
void AddEdgeEffects(const Gpt2& network, const EdgeGradients& gradients, const at::Tensor& differences,
                    at::Tensor& sums);

}  // namespace circuitd
