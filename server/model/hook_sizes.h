// How many values hook points have, and their order as keys.
#pragma once

#include <cstdint>
#include <tuple>

#include "server/model/config.h"
#include "server/model/hook_point.h"

namespace circuitd {

// For maps by hook point.
struct HookPointLess {
  bool operator()(HookPoint a, HookPoint b) const { return std::tie(a.layer, a.kind) < std::tie(b.layer, b.kind); }
};

// Elements of `heads` heads of a hook point's value for each token of prompts that are padded to `pos` tokens. Hook
// points without heads have all of theirs.
inline int64_t ElementsPerToken(const ModelConfig& config, HookKind kind, int64_t heads, int64_t pos) {
  switch (AxesOf(kind)) {
    case HookAxes::kPos:
      return WidthOf(kind, config);
    case HookAxes::kPosHeads:
      return heads * WidthOf(kind, config);
    case HookAxes::kHeadsQueryKey:
      return heads * pos;
  }
  return 0;
}

// Of all heads.
inline int64_t ElementsPerToken(const ModelConfig& config, HookKind kind, int64_t pos) {
  return ElementsPerToken(config, kind, config.n_heads, pos);
}

}  // namespace circuitd
