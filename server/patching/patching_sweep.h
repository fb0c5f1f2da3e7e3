// Activation patching sweeps (Vig et al. 2020, arXiv 2004.12265; Meng et al. 2022, arXiv 2202.05262): one activation at
// a time is taken from the other prompt of a pair.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/model/forward.h"
#include "server/model/hook_point.h"
#include "server/model/metric.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

enum class PatchingDirection {
  kDenoising,  // clean activations into runs on the corrupted prompts
  kNoising,    // corrupted activations into runs on the clean prompts
};

// Hears of patched runs over all prompts, more each time; may be empty. Runs go side by side and micro-batch by
// micro-batch, so that the count is of work: runs_done runs over all prompts' worth of it.
using PatchingProgress = std::function<void(uint64_t runs_done, uint64_t runs_total)>;

// What a sweep takes: layers x positions of the first three, layers x heads of the others.
inline constexpr HookKind kSweptHooks[] = {HookKind::kResidPre, HookKind::kAttnOut, HookKind::kMlpOut,  HookKind::kQ,
                                           HookKind::kK,        HookKind::kV,       HookKind::kPattern, HookKind::kZ};

struct SweepRequest {
  PromptPairs pairs;
  // Layers x positions of kResidPre, kAttnOut, kMlpOut; layers x heads, over all positions, of kZ, kQ, kK, kV,
  // kPattern.
  std::vector<HookKind> hooks;
  PatchingDirection direction = PatchingDirection::kDenoising;
  Metric metric = Metric::kLogitDiff;
  std::vector<int> layers;  // empty: all
  std::vector<int>
      positions;  // of layers x positions; negative ones from the end; empty: 0 to the longest prompt's last
};

struct SweepGrid {
  HookKind hook;
  std::vector<int> layers;
  std::vector<int> columns;        // positions, as in the request, or heads
  std::vector<double> mean;        // [layers, columns], over the prompts that have the position; NaN if none has
  std::vector<double> per_prompt;  // [layers, columns, prompts]; NaN where the prompt lacks the position
};

struct SweepResult {
  std::vector<SweepGrid> grids;  // in the order of the request's hooks
  std::vector<double> clean;     // the metric of each prompt's unpatched runs
  std::vector<double> corrupted;
};

// INVALID_ARGUMENT naming the field: hooks that are none of the eight, or there twice, or none; layers out of range or
// there twice; positions that no prompt has or that are there twice, or given where all hooks have heads as columns;
// pairs without corrupted prompts or without answers that the metric needs.
absl::Status ValidateSweep(const ModelConfig& config, const SweepRequest& request);

// A validated request's sweep. A patched run reuses the unpatched run below the patch: lower layers, earlier positions,
// and, where the patch changes nothing, all of it. kKlDiv compares with the clean run. Threads and errors as
// RunForward.
absl::StatusOr<SweepResult> RunSweep(const Model& model, const SweepRequest& request, const ForwardOptions& options,
                                     const PatchingProgress& progress);

// The same by whole patched runs: the reference that RunSweep is tested against.
absl::StatusOr<SweepResult> RunSweepPlainly(const Model& model, const SweepRequest& request,
                                            const ForwardOptions& options);

// Patched runs that a sweep counts.
uint64_t SweepRuns(const ModelConfig& config, const SweepRequest& request);

}  // namespace circuitd
