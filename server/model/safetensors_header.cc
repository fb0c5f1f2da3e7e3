#include "server/model/safetensors_header.h"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "server/model/quote.h"

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

// Receives nlohmann's parser's events, so that nothing is built but the entries: a header may be 100 MB of brackets.
class HeaderReader {
 public:
  SafetensorsHeader TakeHeader() { return std::move(header_); }
  const std::string& error() const { return error_; }

  bool start_object(std::size_t) {
    switch (state_) {
      case State::kStart:
        state_ = State::kTop;
        return true;
      case State::kTensorValue:
        if (header_.tensors.size() == static_cast<size_t>(kMaxSafetensorsTensors)) {
          return Fail(absl::StrCat("has more than ", kMaxSafetensorsTensors, " tensors"));
        }
        entry_ = {};
        end_ = 0;
        has_dtype_ = has_shape_ = false;
        offsets_ = 0;
        state_ = State::kTensor;
        return true;
      case State::kMetadataValue:
        state_ = State::kMetadata;
        return true;
      default:
        return Unexpected("an object");
    }
  }

  bool key(std::string& name) {
    switch (state_) {
      case State::kTop:
        if (name == "__metadata__") {
          if (std::exchange(has_metadata_, true)) return Fail("has the key \"__metadata__\" twice");
          state_ = State::kMetadataValue;
          return true;
        }
        if (header_.tensors.contains(name)) return Fail(absl::StrCat("has the tensor ", QuoteName(name), " twice"));
        tensor_ = std::move(name);
        state_ = State::kTensorValue;
        return true;
      case State::kMetadata:
        if (header_.metadata.contains(name)) {
          return Fail(absl::StrCat("has the metadata key ", QuoteName(name), " twice"));
        }
        metadata_key_ = std::move(name);
        state_ = State::kMetadataString;
        return true;
      default:  // kTensor
        if (name == "dtype" && !std::exchange(has_dtype_, true)) {
          state_ = State::kDType;
        } else if (name == "shape" && !std::exchange(has_shape_, true)) {
          state_ = State::kShapeValue;
        } else if (name == "data_offsets" && offsets_ == 0) {
          state_ = State::kOffsetsValue;
        } else {
          return FailTensor(absl::StrCat("has the key ", QuoteName(name), ", unknown or there twice"));
        }
        return true;
    }
  }

  bool string(std::string& value) {
    if (state_ == State::kDType) {
      entry_.dtype = std::move(value);
      state_ = State::kTensor;
      return true;
    }
    if (state_ == State::kMetadataString) {
      header_.metadata.emplace(std::move(metadata_key_), std::move(value));
      state_ = State::kMetadata;
      return true;
    }
    return Unexpected("a string");
  }

  bool start_array(std::size_t) {
    if (state_ == State::kShapeValue) {
      state_ = State::kShape;
      return true;
    }
    if (state_ == State::kOffsetsValue) {
      state_ = State::kOffsets;
      return true;
    }
    return Unexpected("an array");
  }

  bool number_unsigned(uint64_t value) {
    if (value > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return Unexpected(absl::StrCat(value));
    if (state_ == State::kShape) {
      if (entry_.shape.size() == static_cast<size_t>(kMaxSafetensorsRank)) {
        return FailTensor(absl::StrCat("has more than ", kMaxSafetensorsRank, " dimensions"));
      }
      entry_.shape.push_back(static_cast<int64_t>(value));
      return true;
    }
    if (state_ == State::kOffsets && offsets_ < 2) {
      (offsets_++ == 0 ? entry_.offset : end_) = static_cast<int64_t>(value);
      return true;
    }
    return Unexpected("a number");
  }
  bool number_integer(int64_t value) { return Unexpected(absl::StrCat(value)); }
  bool number_float(double, const std::string&) { return Unexpected("a number that is no 64-bit integer"); }
  bool null() { return Unexpected("null"); }
  bool boolean(bool) { return Unexpected("a boolean"); }
  bool binary(nlohmann::json::binary_t&) { return Unexpected("binary data"); }

  bool end_array() {
    if (state_ == State::kOffsets && offsets_ != 2) return FailTensor("has data_offsets that are not two numbers");
    state_ = State::kTensor;
    return true;
  }

  bool end_object() {
    if (state_ == State::kTensor) {
      if (!has_dtype_ || !has_shape_ || offsets_ == 0) return FailTensor("lacks dtype, shape or data_offsets");
      if (end_ < entry_.offset) {
        return FailTensor(absl::StrCat("has data_offsets [", entry_.offset, ", ", end_, "], which run backwards"));
      }
      entry_.size = end_ - entry_.offset;
      header_.tensors.emplace(std::move(tensor_), std::move(entry_));
    }
    state_ = State::kTop;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) {
    return Fail(absl::StrCat("is not JSON (at byte ", position, ")"));
  }

 private:
  enum class State {
    kStart,
    kTop,             // a key or the end
    kMetadataValue,   // the metadata object
    kMetadata,        // a key or the end
    kMetadataString,  // a string
    kTensorValue,     // a tensor's object
    kTensor,          // a key or the end
    kDType,           // a string
    kShapeValue,      // an array
    kShape,           // a number or the end
    kOffsetsValue,
    kOffsets,
  };

  bool Fail(std::string error) {
    error_ = std::move(error);
    return false;
  }
  bool FailTensor(absl::string_view error) { return Fail(absl::StrCat("tensor ", QuoteName(tensor_), " ", error)); }
  bool Unexpected(absl::string_view what) {
    switch (state_) {
      case State::kStart:
      case State::kTop:
        return Fail(absl::StrCat("is ", what, ", must be an object"));
      case State::kMetadataValue:
      case State::kMetadata:
      case State::kMetadataString:
        return Fail(absl::StrCat("has ", what, " in __metadata__, must be an object of strings"));
      case State::kDType:
        return FailTensor(absl::StrCat("has ", what, " as dtype, must be a string"));
      case State::kShapeValue:
      case State::kShape:
        return FailTensor(absl::StrCat("has ", what, " in shape, must be an array of integers from 0 to 2^63-1"));
      case State::kOffsetsValue:
      case State::kOffsets:
        return FailTensor(absl::StrCat("has ", what, " in data_offsets, must be two integers from 0 to 2^63-1"));
      default:
        return FailTensor(absl::StrCat("is ", what, ", must be an object"));
    }
  }

  State state_ = State::kStart;
  bool has_metadata_ = false;
  std::string metadata_key_;
  std::string tensor_;
  SafetensorsEntry entry_;
  int64_t end_ = 0;
  bool has_dtype_ = false, has_shape_ = false;
  int offsets_ = 0;  // how many of data_offsets were read
  SafetensorsHeader header_;
  std::string error_;
};

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
  if (text.empty() || text.front() != '{') {
    return absl::FailedPreconditionError(absl::StrCat(label, ": the header does not begin with '{'"));
  }
  HeaderReader reader;
  // The parser takes a NUL for the end of the text.
  if (const size_t nul = text.find('\0'); nul != absl::string_view::npos) {
    return absl::FailedPreconditionError(absl::StrCat(label, ": the header is not JSON (at byte ", nul + 1, ")"));
  }
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &reader)) {
    return absl::FailedPreconditionError(absl::StrCat(label, ": the header ", reader.error()));
  }
  SafetensorsHeader header = reader.TakeHeader();
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
