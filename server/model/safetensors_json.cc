#include "server/model/safetensors_json.h"

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/model/quote.h"

namespace circuitd {
namespace {

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

}  // namespace

absl::StatusOr<SafetensorsHeader> ReadSafetensorsHeader(absl::string_view text, absl::string_view label) {
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
  return reader.TakeHeader();
}

}  // namespace circuitd
