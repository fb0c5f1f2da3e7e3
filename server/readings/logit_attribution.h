// Direct logit attribution: what each part of the model adds to the logit difference (Elhage et al. 2021, "A
// mathematical framework for transformer circuits").
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "server/model/forward.h"
#include "server/model/metric.h"
#include "server/model/model.h"

namespace circuitd {

// A term of the sum that the final residual stream is.
struct Component {
  enum class Kind {
    kEmbed,
    kPosEmbed,
    kHead,
    kAttentionBias,  // b_O of a layer
    kMlp,
    kLnFinalBias,
  };
  Kind kind = Kind::kEmbed;
  int layer = 0;
  int head = 0;

  friend bool operator==(const Component&, const Component&) = default;
};

// In forward order: embed, pos_embed, in each layer its heads, its bias and its MLP, and ln_final's bias.
std::vector<Component> AllComponents(const ModelConfig& config);

struct LogitAttribution {
  std::vector<double> mean;  // [components]
  // [components, prompts]. A prompt's add up to its logit difference: of a float32 model up to rounding, of a half
  // precision one only roughly, as the run rounds the residual stream after each component and its logits at the end.
  std::vector<double> per_prompt;
  std::vector<double> logit_diff;  // [prompts]
};

// INVALID_ARGUMENT naming the field, for what ValidatePrompts refuses and answers that are not one a prompt, empty or
// outside the vocabulary.
absl::Status ValidateLogitAttribution(const ModelConfig& config, const std::vector<std::vector<int>>& prompts,
                                      const std::vector<Answer>& answers);

// Of a validated request, at each prompt's last position: each component's output, centred and divided by ln_final's
// scale as it is in this run, times ln_final's weight, times the mean unembedding of the correct tokens minus that of
// the incorrect ones. Threads and errors as RunForward.
absl::StatusOr<LogitAttribution> AttributeLogits(const Model& model, const std::vector<std::vector<int>>& prompts,
                                                 const std::vector<Answer>& answers, const ForwardOptions& options);

}  // namespace circuitd
