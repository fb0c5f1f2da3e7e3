#include "server/model/torch_border.h"

#include <c10/util/Exception.h>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace circuitd {

absl::Status StatusFromTorchError(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
      dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) {
    return absl::ResourceExhaustedError("out of memory");
  }
  if (const auto* torch_error = dynamic_cast<const c10::Error*>(&error)) {
    // The CPU's allocator and CUDA's libraries throw a plain Error; only its text tells.
    const std::string what = torch_error->what_without_backtrace();
    for (const char* sign : {"DefaultCPUAllocator", "not enough memory", "CUDA error: out of memory",
                             "CUBLAS_STATUS_ALLOC_FAILED", "CUDNN_STATUS_ALLOC_FAILED"}) {
      if (absl::StrContains(what, sign)) return absl::ResourceExhaustedError("out of memory");
    }
    return absl::InternalError(absl::StrCat("LibTorch: ", what));
  }
  return absl::InternalError(absl::StrCat("LibTorch: ", error.what()));
}

}  // namespace circuitd
