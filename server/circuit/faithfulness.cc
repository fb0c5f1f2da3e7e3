#include "server/circuit/faithfulness.h"

#include <algorithm>
#include <cmath>

namespace circuitd {

std::optional<double> Faithfulness(double circuit, double model, double empty) {
  // Two ways of computing the same run in float32 differ by about as much.
  constexpr double kRounding = 1e-6;
  const double span = model - empty;
  if (std::abs(span) <= kRounding * std::max({std::abs(model), std::abs(empty), 1.0})) return std::nullopt;
  const double faithfulness = (circuit - empty) / span;
  return std::isfinite(faithfulness) ? std::optional(faithfulness) : std::nullopt;
}

}  // namespace circuitd
