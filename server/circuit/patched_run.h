// Runs with some activations replaced: zero, mean and resample ablation of heads and MLPs, and the metrics of such
// runs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/circuit/metric.h"
#include "server/model/forward.h"
#include "server/model/hook_point.h"
#include "server/model/model.h"

namespace circuitd {

// Of one request.
inline constexpr size_t kMaxInterventions = 1024;

enum class Ablation { kZero, kMean, kResample };

// Replaces one slice of attn.hook_z or hook_mlp_out.
struct Intervention {
  HookPoint hook;
  std::vector<int> heads;      // of hook_z; empty: all
  std::vector<int> positions;  // from 0, negative ones from each prompt's end; empty: all
  Ablation ablation = Ablation::kZero;
};

struct PatchedRunRequest {
  std::vector<std::vector<int>> prompts;  // that are run
  // Activations are taken from these, in an unpatched run: for kResample prompt i's partner of equal length, for kMean
  // all of them, at each position those that have it.
  std::vector<std::vector<int>> source_prompts;
  std::vector<Intervention> interventions;
  LogitsSelection logits;
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

// INVALID_ARGUMENT naming the field ("interventions[2].heads[0]: 12, model has 12 (0-11)"): a hook other than the two,
// heads of an MLP, a head or position that is out of range, out of some prompt, or there twice, more than
// kMaxInterventions, two interventions on the same slice, too few or unequally long source prompts, a mean at a
// position that no source prompt has, answers that are missing or empty or outside the vocabulary.
absl::Status ValidatePatchedRun(const ModelConfig& config, const PatchedRunRequest& request);

// A validated request's run; `sink` gets the patched run's full logits. Threads and errors as RunForward.
absl::StatusOr<PatchedRunResult> RunPatched(const Model& model, const PatchedRunRequest& request,
                                            const ForwardOptions& options, const TensorSink& sink);

}  // namespace circuitd
