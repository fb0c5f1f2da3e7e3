// What a forward pass costs.
#pragma once

#include <cstdint>

#include "server/model/config.h"

namespace circuitd {

// Floating-point operations of a forward pass over [batch, pos] tokens that ends in the logits of the last position:
// two a weight and token, and attention's two products.
double ForwardFlops(const ModelConfig& config, int64_t batch, int64_t pos);

}  // namespace circuitd
