// Ablations of edges as files and messages spell them.
#pragma once

#include "server/circuit/edges/edge_scorer.h"

namespace circuitd {

constexpr const char* AblationName(EdgeAblation ablation) {
  switch (ablation) {
    case EdgeAblation::kResample:
      return "resample";
    case EdgeAblation::kMean:
      return "mean";
    case EdgeAblation::kZero:
      break;
  }
  return "zero";
}

}  // namespace circuitd
