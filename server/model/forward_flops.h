// What a forward pass costs.
#pragma once

#include <cstdint>
#include <string>

#include "server/model/config.h"

namespace circuitd {

// Floating-point operations of a forward pass over [batch, pos] tokens that ends in the logits of the last position:
// two a weight and token, and attention's two products.
double ForwardFlops(const ModelConfig& config, int64_t batch, int64_t pos);

// Of unembedding `rows` residual streams.
double UnembedFlops(const ModelConfig& config, int64_t rows);

// Operations a second that `device` ("cpu", "cuda:0") is taken to make where nobody has measured it: a CPU two cores of
// 50 GFLOP/s.
double TypicalFlopsPerSecond(const std::string& device);

}  // namespace circuitd
