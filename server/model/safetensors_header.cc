#include "server/model/safetensors_header.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "server/model/quote.h"
#include "server/model/safetensors_json.h"

namespace circuitd {
namespace {

// Bytes of one element; 0 for a dtype that the format does not have (or packs below a byte).
int64_t ElementBytes(absl::string_view dtype) {
  static constexpr std::pair<absl::string_view, int64_t> kSizes[] = {
      {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1}, {"F8_E8M0", 1},
      {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},     {"U32", 4},
      {"F32", 4},  {"F64", 8}, {"I64", 8}, {"U64", 8},     {"C64", 8}};
  for (const auto& [name, size] : kSizes) {
    if (name == dtype) return size;
  }
  return 0;
}

absl::Status CheckTensor(const std::string& name, const SafetensorsEntry& entry, int64_t data_bytes,
                         absl::string_view label) {
  const auto error = [&](const auto&... parts) {
    return absl::FailedPreconditionError(absl::StrCat(label, ": tensor ", QuoteName(name), ": ", parts...));
  };
  int64_t bytes = ElementBytes(entry.dtype);
  if (bytes == 0) return error("unknown dtype ", QuoteName(entry.dtype));
  const bool empty = std::find(entry.shape.begin(), entry.shape.end(), 0) != entry.shape.end();
  for (const int64_t dimension : entry.shape) {
    if (__builtin_mul_overflow(bytes, dimension, &bytes) && !empty) {
      return error("shape ", ShowShape(entry.shape), " has 2^63 bytes or more");
    }
  }
  if (empty) bytes = 0;
  const int64_t end = entry.offset + entry.size;
  if (end > data_bytes) {
    return error("data_offsets [", entry.offset, ", ", end, "] reach beyond the file's ", data_bytes,
                 " bytes of data (truncated?)");
  }
  if (bytes != entry.size) {
    return error(entry.dtype, " of shape ", ShowShape(entry.shape), " has ", bytes, " bytes, but data_offsets [",
                 entry.offset, ", ", end, "] have ", entry.size);
  }
  return absl::OkStatus();
}

// The format demands data without holes or overlaps.
absl::Status CheckCoverage(const SafetensorsHeader& header, int64_t data_bytes, absl::string_view label) {
  std::vector<std::pair<const std::string*, const SafetensorsEntry*>> by_offset;
  for (const auto& [name, entry] : header.tensors) by_offset.emplace_back(&name, &entry);
  std::stable_sort(by_offset.begin(), by_offset.end(), [](const auto& a, const auto& b) {
    return std::pair(a.second->offset, a.second->size) < std::pair(b.second->offset, b.second->size);
  });
  int64_t covered = 0;
  const std::string* previous = nullptr;
  for (const auto& [name, entry] : by_offset) {
    if (entry->offset < covered) {
      return absl::FailedPreconditionError(absl::StrCat(label, ": tensor ", QuoteName(*name), ": begins at byte ",
                                                        entry->offset, ", inside tensor ", QuoteName(*previous),
                                                        ", which ends at ", covered));
    }
    if (entry->offset > covered) {
      return absl::FailedPreconditionError(absl::StrCat(label, ": bytes ", covered, " to ", entry->offset,
                                                        " before tensor ", QuoteName(*name), " belong to no tensor"));
    }
    covered += entry->size;
    previous = name;
  }
  if (covered != data_bytes) {
    return absl::FailedPreconditionError(
        absl::StrCat(label, ": bytes ", covered, " to ", data_bytes, " of the data belong to no tensor"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<SafetensorsHeader> ParseSafetensorsHeader(absl::string_view text, int64_t data_bytes,
                                                         absl::string_view label) {
  ASSIGN_OR_RETURN(SafetensorsHeader header, ReadSafetensorsHeader(text, label));
  for (const auto& [name, entry] : header.tensors) RETURN_IF_ERROR(CheckTensor(name, entry, data_bytes, label));
  RETURN_IF_ERROR(CheckCoverage(header, data_bytes, label));
  return header;
}

std::optional<DType> DTypeFromSafetensors(absl::string_view dtype) {
  for (const DType known : {DType::kFloat32, DType::kFloat16, DType::kBFloat16, DType::kInt64}) {
    if (SafetensorsDTypeName(known) == dtype) return known;
  }
  return std::nullopt;
}

absl::string_view SafetensorsDTypeName(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return "F32";
    case DType::kFloat16:
      return "F16";
    case DType::kBFloat16:
      return "BF16";
    case DType::kInt64:
      return "I64";
  }
  return "";
}

std::string ShowShape(const std::vector<int64_t>& shape) { return absl::StrCat("[", absl::StrJoin(shape, ", "), "]"); }

}  // namespace circuitd
