// Reads a tensor of a safetensors file, to be sent.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "circuitd/v1/tensor.pb.h"

namespace circuitd::client {

// NOT_FOUND if there is no such file, or no tensor of that name in it; INVALID_ARGUMENT if it is not safetensors, or
// the tensor is of a type that the protocol does not have, or larger than a message.
absl::StatusOr<v1::Tensor> ReadTensor(const std::string& path, const std::string& name);

}  // namespace circuitd::client
