// How long calls will keep their device, guessed from their validated requests: far enough from the truth, but near
// enough to tell what takes milliseconds from what takes seconds.
#pragma once

#include <vector>

#include "server/model/forward.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"
#include "server/patching/patched_run.h"
#include "server/readings/attention.h"
#include "server/readings/head_circuits.h"
#include "server/readings/logit_lens.h"

namespace circuitd {

// All in seconds.
double EstimateForward(const Model& model, const ForwardRequest& request);
double EstimatePatchedRun(const Model& model, const PatchedRunRequest& request);
// Both answers' probabilities after each clean prompt.
double EstimateFilter(const Model& model, const PromptPairs& pairs);
double EstimateLogitLens(const Model& model, const LogitLensRequest& request);
double EstimateLogitAttribution(const Model& model, const std::vector<std::vector<int>>& prompts);
double EstimateAttention(const Model& model, const AttentionRequest& request);
double EstimateOv(const Model& model, const HeadCircuitRequest& request);
double EstimateQk(const Model& model, const HeadCircuitRequest& request);

}  // namespace circuitd
