// The devices that models run on: what they are called, and whether they are there.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace circuitd {

struct DeviceId {
  bool cuda = false;
  int index = 0;  // of a CUDA device

  friend bool operator==(const DeviceId&, const DeviceId&) = default;
};

// "cpu", "cuda" (which is "cuda:0"), "cuda:N". INVALID_ARGUMENT, about the field "device", for anything else.
absl::StatusOr<DeviceId> ParseDevice(absl::string_view text);

// "cpu", "cuda:0".
std::string DeviceName(DeviceId id);

// Makes the device ready for use; the first call for a CUDA device loads LibTorch's CUDA libraries (about a second).
// FAILED_PRECONDITION, saying why, if there is no such device here. Must be called before anything else of torch asks
// for CUDA. Thread-safe.
absl::Status PrepareDevice(DeviceId id);

// Gives memory that is free, but kept for the next tensor, back to the device ("cuda:0"); nothing to do for the CPU.
// Thread-safe.
void ReleaseCachedMemory(absl::string_view device);

struct DeviceDescription {
  std::string name;         // "cpu", "cuda:0"
  std::string description;  // "NVIDIA A100-SXM4-80GB"
  uint64_t memory_bytes = 0;
  // Of it, what this process has: of the CPU, its resident set; of a CUDA device, what LibTorch holds for weights and
  // activations, with what it keeps for the next ones. 0 if that can't be told.
  uint64_t used_bytes = 0;
};

// The CPU, and the CUDA devices once a PrepareDevice has loaded CUDA. Thread-safe.
std::vector<DeviceDescription> DescribeDevices();

}  // namespace circuitd
