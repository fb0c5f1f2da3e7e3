// The border between torch's exceptions and our statuses.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <new>
#include <type_traits>
#include <utility>

#include "absl/status/statusor.h"

namespace circuitd {

// RESOURCE_EXHAUSTED for torch's out-of-memory errors, INTERNAL for its others.
absl::Status StatusFromTorchError(const std::exception& error);

// Calls `body`, which returns absl::Status or absl::StatusOr<T>, in inference mode (no autograd); an exception of torch
// or of an allocation becomes a status.
template <typename Body>
auto InTorch(Body&& body) -> std::invoke_result_t<Body> {
  try {
    c10::InferenceMode guard;
    return std::forward<Body>(body)();
  } catch (const std::exception& error) {
    return StatusFromTorchError(error);
  }
}

// The same outside of inference mode, with autograd on: tensors made here, unlike those of InTorch, can be saved for a
// backward pass, and what is computed of a tensor that requires a gradient can be differentiated.
template <typename Body>
auto InTorchWithAutograd(Body&& body) -> std::invoke_result_t<Body> {
  try {
    c10::InferenceMode guard(/*enabled=*/false);
    return std::forward<Body>(body)();
  } catch (const std::exception& error) {
    return StatusFromTorchError(error);
  }
}

}  // namespace circuitd
