// Runs with some activations changed, and the metrics of such runs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/activation_capture.h"
#include "server/model/forward.h"
#include "server/model/metric.h"
#include "server/model/model.h"
#include "server/patching/intervention.h"

namespace circuitd {

struct PatchedRunRequest {
  std::vector<std::vector<int>> prompts;  // that are run
  std::vector<PromptRoles> roles;         // one a prompt, or none
  // Activations are taken from these, in an unpatched run: for kResample prompt i's partner of equal length, for kMean
  // all of them, at each position those that have it.
  std::vector<std::vector<int>> source_prompts;
  // Apply in forward order; what one changes the next ones see.
  std::vector<Intervention> interventions;
  LogitsSelection logits;
  CaptureSelection capture;  // of the patched run, after the interventions
  std::optional<Metric> metric;
  std::vector<Answer> answers;  // one a prompt, if the metric needs them
};

struct MetricValues {
  std::vector<double> patched;    // of each prompt
  std::vector<double> unpatched;  // the same prompts without interventions
};

struct PatchedRunResult {
  std::vector<PromptLogits> prompts;  // of the patched run
  std::optional<MetricValues> metric;
};

// INVALID_ARGUMENT naming the field ("interventions[2].heads[0]: 12, model has 12 (0-11)"): heads of a hook point
// without, a head or position that is out of range, out of some prompt, or there twice, key positions where there are
// none, a tensor that does not broadcast to its slice or a number that is not finite, more than kMaxInterventions, two
// interventions on the same slice, too few or unequally long source prompts, a mean at a position that no source prompt
// has, answers that are missing or empty or outside the vocabulary, and what ValidateCapture says.
absl::Status ValidatePatchedRun(const ModelConfig& config, const PatchedRunRequest& request);

// A validated request's run; `sink` gets the captured activations and the patched run's full logits. Threads and errors
// as RunForward.
absl::StatusOr<PatchedRunResult> RunPatched(const Model& model, const PatchedRunRequest& request,
                                            const ForwardOptions& options, const TensorSink& sink);

// The same as a part of a joint run, as NewForwardPart.
std::unique_ptr<JointPart> NewPatchedPart(const Model& model, const PatchedRunRequest& request, Checkpoint check,
                                          TensorSink sink, PatchedRunResult& result);

// What such a part takes of a micro-batch, about: its means are not known yet.
BatchShare PatchedRunShare(const Model& model, const PatchedRunRequest& request, int64_t memory_budget_bytes);

}  // namespace circuitd
