// A tensor in the host's memory, as the parts that don't know torch pass it around.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace circuitd {

enum class DType { kFloat32, kFloat16, kBFloat16, kInt64 };

// Bytes of one element.
inline int64_t DTypeSize(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return 4;
    case DType::kFloat16:
    case DType::kBFloat16:
      return 2;
    case DType::kInt64:
      return 8;
  }
  return 0;
}

// "float32", "float16", "bfloat16", "int64".
inline absl::string_view DTypeName(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return "float32";
    case DType::kFloat16:
      return "float16";
    case DType::kBFloat16:
      return "bfloat16";
    case DType::kInt64:
      return "int64";
  }
  return "";
}

struct HostTensor {
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  // Row-major little-endian elements.
  std::string data;
};

}  // namespace circuitd
