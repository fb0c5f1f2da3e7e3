// Keeps a tensor stream of any size as a safetensors file, without holding it in memory.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/tensor.pb.h"
#include "client/atomic_file.h"
#include "client/tensor_order.h"

namespace circuitd::client {

// The format puts the header, which knows all tensors, before their data. So the data goes to a nameless file in the
// same folder first, and behind the header at the end; until then the disk holds it twice. Not thread-safe.
class SafetensorsSpool {
 public:
  // The system's error if the folder cannot be written to.
  static absl::StatusOr<SafetensorsSpool> Create(const std::string& path);

  SafetensorsSpool(SafetensorsSpool&& other) noexcept;
  SafetensorsSpool& operator=(SafetensorsSpool&& other) = delete;
  ~SafetensorsSpool();

  // Errors as TensorOrder's and the disk's.
  absl::Status Add(const v1::TensorChunk& chunk);
  // Writes the file, which appears whole or not at all. DATA_LOSS if the last tensor is not whole. Call once.
  absl::Status Finish();

 private:
  SafetensorsSpool(AtomicFile file, int data_fd) : file_(std::move(file)), data_fd_(data_fd) {}

  AtomicFile file_;
  int data_fd_;
  TensorOrder order_;
};

}  // namespace circuitd::client
