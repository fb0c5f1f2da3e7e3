// Forward and patched runs: their requests as plain values, their results as messages.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/inference.pb.h"
#include "circuitd/v1/metric.pb.h"
#include "server/model/activation_capture.h"
#include "server/model/forward.h"
#include "server/patching/patched_run.h"
#include "server/service/prompts.h"

namespace circuitd {

// INVALID_ARGUMENT, naming `field`, unless it is at most 1000. 0 means `if_zero`. A model with a smaller vocabulary
// answers with all of it.
absl::StatusOr<int> ConvertTopK(uint32_t top_k, absl::string_view field, const ModelConfig& config, int if_zero = 0);

// Of fields "logits" and "capture". INVALID_ARGUMENT names them.
absl::StatusOr<LogitsSelection> ConvertSelection(const v1::LogitsSelection& proto, const Model& model,
                                                 const PromptLimits& limits);
absl::StatusOr<CaptureSelection> ConvertCapture(const v1::ActivationCapture& proto, const Model& model,
                                                const PromptLimits& limits);

// Everything but ValidateForward and ValidatePatchedRun.
absl::StatusOr<ForwardRequest> ConvertForward(const v1::ForwardRequest& proto, const Model& model,
                                              const PromptLimits& limits);
absl::StatusOr<PatchedRunRequest> ConvertPatchedRun(const v1::RunPatchedRequest& proto, const Model& model,
                                                    const PromptLimits& limits);

v1::TokenLogit ToProto(const TokenLogit& logit, const Model& model);
v1::PromptLogits ToProto(const PromptLogits& logits, size_t token_count, const Model& model);
// With the mean over the prompts, of which there is at least one.
v1::MetricValue ToMetricValue(const std::vector<double>& per_prompt);

}  // namespace circuitd
