// Activations of a run, as a request wants them: which hook points, heads and positions, copied to the host.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/model/config.h"
#include "server/model/hook_point.h"
#include "server/model/position_selector.h"

namespace circuitd {

struct CaptureSelection {
  std::vector<HookPoint> hooks;  // in forward order, each once; none: nothing is captured
  std::vector<int> heads;        // of hook points with heads; empty: all
  PositionSelector positions;    // query positions of hook_attn_scores and hook_pattern
};

// INVALID_ARGUMENT, naming the field ("heads[1]: 12, model has 12 (0-11)", "positions.roles[0]: prompts[3] has no role
// \"last_member\""), for heads that are out of range or there twice, heads without a hook point that has any, and
// positions that one of the prompts lacks. `roles` has one entry a prompt, or none.
absl::Status ValidateCapture(const ModelConfig& config, const CaptureSelection& selection,
                             absl::Span<const std::vector<int>> prompts, absl::Span<const PromptRoles> roles);

// Bytes of all tensors that a validated selection captures. `element_size` is the model's dtype's.
int64_t CaptureBytes(const ModelConfig& config, const CaptureSelection& selection,
                     absl::Span<const std::vector<int>> prompts, absl::Span<const PromptRoles> roles,
                     int64_t element_size);

// What micro-batches of prompts up to `longest` tokens need on the device for a capture, beside a forward pass's own,
// for each token: what is computed only for it, and the slice that is being copied.
int64_t CaptureBytesPerToken(const ModelConfig& config, const CaptureSelection& selection, int64_t longest,
                             int64_t element_size);

}  // namespace circuitd
