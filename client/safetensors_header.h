// What stands before the data in a safetensors file. Source: https://github.com/huggingface/safetensors#format
#pragma once

#include <string>
#include <vector>

#include "client/tensor_order.h"

namespace circuitd::client {

// The header's length in eight bytes, and the header: the tensors' data follows in their order, without gaps.
std::string SafetensorsHeader(const std::vector<TensorInfo>& tensors);

}  // namespace circuitd::client
