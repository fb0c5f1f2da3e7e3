// How much of what a model has over the empty circuit a circuit has.
#pragma once

#include <optional>

namespace circuitd {

// (circuit - empty) / (model - empty), of any metric. Unset where model and empty circuit differ by no more than
// rounding does, |model - empty| <= 1e-6 * max(|model|, |empty|, 1), and where it is not finite. Thread-safe.
std::optional<double> Faithfulness(double circuit, double model, double empty);

}  // namespace circuitd
