// Forward passes for the RPC layer: prompts in, chosen logits out, in micro-batches within a memory budget.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/checkpoint.h"
#include "server/model/activation_capture.h"
#include "server/model/batch_share.h"
#include "server/model/host_tensor.h"
#include "server/model/metric.h"
#include "server/model/model.h"

namespace circuitd {

class JointPart;

enum class LogitsPositions { kNone, kLast, kAll };

// What to answer about each prompt, at its last position.
struct LogitsSelection {
  int top_k = 0;
  std::vector<int> chosen_tokens;
  LogitsPositions full_logits = LogitsPositions::kNone;
};

struct TokenLogit {
  int token = 0;
  float logit = 0;
  float log_prob = 0;
};

struct PromptLogits {
  std::vector<TokenLogit> top;     // most likely first; equal logits by id
  std::vector<TokenLogit> chosen;  // in the order of LogitsSelection::chosen_tokens
};

// Takes a finished tensor ("logits/3": prompt 3's, [pos, d_vocab] float32; "blocks.0.attn.hook_z/3": its captured
// activation). An error stops the run.
using TensorSink = std::function<absl::Status(std::string name, HostTensor tensor)>;

struct ForwardOptions {
  int64_t memory_budget_bytes = int64_t{1} << 30;  // of activations
  Checkpoint checkpoint;                           // may be empty
};

// INVALID_ARGUMENT, naming prompt, position and bound, for no prompts at all, an empty prompt, one longer than n_ctx,
// or an id outside the vocabulary. `field` is how the request spells the list: "prompts".
absl::Status ValidatePrompts(const ModelConfig& config, absl::string_view field,
                             const std::vector<std::vector<int>>& prompts);

// INVALID_ARGUMENT, as "{field}: 12, d_vocab is 10 (0-9)", if the model has no such token.
absl::Status ValidateToken(const ModelConfig& config, absl::string_view field, int64_t token);

// The same of each token of a list: "{field}[3]: 12, d_vocab is 10 (0-9)".
absl::Status ValidateTokens(int d_vocab, absl::string_view field, absl::Span<const int> tokens);

// INVALID_ARGUMENT naming the field ("answers[2].correct[0]") for answers that are not one a prompt, lists that are
// empty
// (`incorrect` may be unless `needs_incorrect`), and tokens outside the vocabulary.
absl::Status ValidateAnswers(const ModelConfig& config, absl::Span<const Answer> answers, size_t prompt_count,
                             bool needs_incorrect);

struct ForwardRequest {
  std::vector<std::vector<int>> prompts;
  std::vector<PromptRoles> roles;  // one a prompt, or none
  LogitsSelection logits;
  CaptureSelection capture;
  std::optional<Metric> metric;  // not kKlDiv
  std::vector<Answer> answers;   // one a prompt, if there is a metric
};

// INVALID_ARGUMENT naming the field: as ValidatePrompts, ValidateCapture (its fields are "capture.heads[1]" here) and
// ValidateAnswers; a chosen token that is none of the model's; answers without a metric; kKlDiv.
absl::Status ValidateForward(const ModelConfig& config, const ForwardRequest& request);

struct ForwardResult {
  std::vector<PromptLogits> prompts;  // one entry a prompt
  std::vector<double> metric;         // of each prompt, if there is one
};

// A validated request's run: prompts of any lengths, right-padded; a prompt's answer does not depend on its neighbours.
// `sink` gets each prompt's captured activations, then its full logits, prompt after prompt. Call on the device's
// worker. RESOURCE_EXHAUSTED if not even one prompt fits in memory.
absl::StatusOr<ForwardResult> RunForward(const Model& model, const ForwardRequest& request,
                                         const ForwardOptions& options, const TensorSink& sink);

// The same as a part of a joint run (joint_run.h). `check` may be empty; `result` is filled as the run goes on. All
// arguments by reference have to outlive the part.
std::unique_ptr<JointPart> NewForwardPart(const Model& model, const ForwardRequest& request, Checkpoint check,
                                          TensorSink sink, ForwardResult& result);

// What such a part takes of a micro-batch.
BatchShare ForwardShare(const Model& model, const ForwardRequest& request, int64_t memory_budget_bytes);

// Bytes that `sink` would get from such a run.
int64_t FullLogitsBytes(const ModelConfig& config, const std::vector<std::vector<int>>& prompts,
                        LogitsPositions positions);

}  // namespace circuitd
