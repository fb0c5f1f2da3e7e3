// What a loaded model's numbers are kept as, in words.
#pragma once

#include <string>

#include "circuitd/v1/tensor.pb.h"

namespace circuitd::client {

// "float32"; empty if unspecified.
std::string DataTypeName(v1::DataType type);

}  // namespace circuitd::client
