// Writes tensors as a safetensors file. Source: https://github.com/huggingface/safetensors#format
#pragma once

#include <map>
#include <string>

#include "absl/status/status.h"
#include "server/model/host_tensor.h"

namespace circuitd {

// Writes `tensors` and `metadata` to `path`, which appears whole or not at all (a file beside it is renamed); the bytes
// depend on the arguments alone. INVALID_ARGUMENT, naming the tensor, if its data has another length than its dtype and
// shape ask for, or a name is not UTF-8 or reserved; the system's error, as FAILED_PRECONDITION or RESOURCE_EXHAUSTED
// (disk full), if the file can't be written.
absl::Status WriteSafetensors(const std::string& path, const std::map<std::string, HostTensor>& tensors,
                              const std::map<std::string, std::string>& metadata);

}  // namespace circuitd
