// How much memory the values of hook points take, and their order as keys.
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

// Elements of a hook point's value for each token of prompts that are padded to `pos` tokens.
int64_t ElementsPerToken(const ModelConfig& config, HookKind kind, int64_t pos);

}  // namespace circuitd
