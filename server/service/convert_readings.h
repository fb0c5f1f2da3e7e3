// Readings: their requests as plain values, their results as messages.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "circuitd/v1/reading.pb.h"
#include "server/model/model.h"
#include "server/readings/attention.h"
#include "server/readings/head_circuits.h"
#include "server/readings/logit_attribution.h"
#include "server/readings/logit_lens.h"
#include "server/service/prompts.h"
#include "server/service/source_prompts.h"

namespace circuitd {

// All of these take the prompts, and check what the library's Validate… does not. INVALID_ARGUMENT names the field.
absl::StatusOr<LogitLensRequest> ConvertLogitLens(const v1::RunLogitLensRequest& proto, CleanPrompts prompts,
                                                  const Model& model, const PromptLimits& limits);
AttentionRequest ConvertAttention(const v1::ReadAttentionRequest& proto, CleanPrompts prompts);
absl::StatusOr<HeadCircuitRequest> ConvertOv(const v1::ScoreOvRequest& proto, CleanPrompts prompts, const Model& model,
                                             const PromptLimits& limits);
absl::StatusOr<HeadCircuitRequest> ConvertQk(const v1::ScoreQkRequest& proto, CleanPrompts prompts, const Model& model,
                                             const PromptLimits& limits);

// INVALID_ARGUMENT, naming the field, if the summary of a validated request may have more than `max_bytes`.
absl::Status CheckLensSize(const v1::RunLogitLensRequest& proto, const LogitLensRequest& request, const Model& model,
                           int64_t max_bytes);

v1::LensPrompt ToProto(const LensPrompt& lens, const std::vector<int>& prompt, const Model& model);
v1::Component ToProto(const Component& component);

}  // namespace circuitd
