// The tensors of a reply as numbers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "client/tensor_collector.h"

namespace circuitd::client {

// The elements of a tensor of any of the protocol's types, in its order.
std::vector<double> NumbersOf(const NamedTensor& tensor);

// As a server sent them: what a caller expects of names and shapes is checked when it asks. Not thread-safe.
class TensorSet {
 public:
  TensorSet() = default;
  explicit TensorSet(std::vector<NamedTensor> tensors) : tensors_(std::move(tensors)) {}

  const std::vector<NamedTensor>& all() const { return tensors_; }
  // DATA_LOSS if there is none of that name.
  absl::StatusOr<const NamedTensor*> Find(absl::string_view name) const;
  // DATA_LOSS if there is none of that name, or it has another shape.
  absl::StatusOr<std::vector<double>> Read(absl::string_view name, const std::vector<int64_t>& shape) const;
  void AddFloats(std::string name, std::vector<int64_t> shape, const std::vector<double>& values);

 private:
  std::vector<NamedTensor> tensors_;
};

}  // namespace circuitd::client
