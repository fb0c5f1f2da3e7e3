// Interventions as plain values: which slice of which hook point, and what flows on instead.
#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include "server/model/hook_point.h"
#include "server/model/host_tensor.h"
#include "server/model/position_selector.h"

namespace circuitd {

// Of one request.
inline constexpr size_t kMaxInterventions = 1024;

enum class Ablation { kZero, kMean, kResample };

// Tensors broadcast, by numpy's rules, to a prompt's slice: [positions, width], [positions, heads, width] or
// [heads, queries, keys], of the chosen heads in their order and the chosen positions in ascending order; with one axis
// more in front, of all prompts, each prompt has its own.
struct SetTo {
  HostTensor value;
};
struct AddVector {
  HostTensor vector;
  double coefficient = 1;
};
struct ScaleBy {
  double factor = 1;
};
// Gaussian, of mean 0; depends on the seed, the prompt's and the intervention's number, and nothing else.
struct AddNoise {
  double standard_deviation = 0;
  uint64_t seed = 0;
};

struct Intervention {
  HookPoint hook;
  std::vector<int> heads;          // of hook points that have heads; empty: all
  PositionSelector positions;      // of hook_attn_scores and hook_pattern: queries
  PositionSelector key_positions;  // of these two only
  std::variant<Ablation, SetTo, AddVector, ScaleBy, AddNoise> action;
};

inline bool IsAblation(const Intervention& intervention, Ablation ablation) {
  const auto* used = std::get_if<Ablation>(&intervention.action);
  return used != nullptr && *used == ablation;
}

}  // namespace circuitd
