// Results in double precision as the float32 tensors of replies.
#pragma once

#include <cstdint>
#include <vector>

#include "server/model/host_tensor.h"

namespace circuitd {

// `values` are row-major, as many as `shape` says.
HostTensor Float32Tensor(std::vector<int64_t> shape, const std::vector<double>& values);

}  // namespace circuitd
