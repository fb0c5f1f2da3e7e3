// What a loaded model's numbers are kept as, in words.
#pragma once

#include <cstdint>
#include <string>

#include "circuitd/v1/tensor.pb.h"

namespace circuitd::client {

// "float32"; empty if unspecified.
std::string DataTypeName(v1::DataType type);

// Of one number; 0 for a type that is not known here.
uint64_t DataTypeBytes(v1::DataType type);

}  // namespace circuitd::client
