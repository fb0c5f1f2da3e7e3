// The header of a safetensors file: which tensors lie where. Source: https://github.com/huggingface/safetensors#format
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/host_tensor.h"

namespace circuitd {

struct SafetensorsEntry {
  std::string dtype;  // the format's name: "F32", "BF16", "BOOL"
  std::vector<int64_t> shape;
  int64_t offset = 0;  // in the file's data, that is, after the header
  int64_t size = 0;    // bytes
};

struct SafetensorsHeader {
  std::map<std::string, SafetensorsEntry> tensors;
  std::map<std::string, std::string> metadata;
};

// The format's own bound.
constexpr int64_t kMaxSafetensorsHeaderBytes = 100'000'000;
constexpr int kMaxSafetensorsTensors = 65'536;
constexpr int kMaxSafetensorsRank = 16;

// Reads the JSON text of a header whose data has `data_bytes` bytes. FAILED_PRECONDITION, naming `label`, the tensor
// and the bound, unless each tensor has the bytes that its dtype and shape ask for, and together they cover the data
// without holes or overlaps.
absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view text, int64_t data_bytes,
                                                         absl::string_view label);

// Nullopt for the format's dtypes that host tensors don't have.
std::optional<DType> DTypeFromSafetensors(absl::string_view dtype);
absl::string_view SafetensorsDTypeName(DType dtype);

// "[2, 3]".
std::string ShowShape(const std::vector<int64_t>& shape);

}  // namespace circuitd
