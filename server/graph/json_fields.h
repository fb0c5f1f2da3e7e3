// Reads the fields of JSON objects from files that may be hostile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"

namespace circuitd {

// The text's object. INVALID_ARGUMENT for more than `max_bytes` or about `max_values` values, and all that
// ParseStrictJson refuses.
absl::StatusOr<nlohmann::json> ParseFileObject(absl::string_view text, size_t max_bytes, size_t max_values);

// One object, and where it stands in the file: "cells[3].random", or empty. Errors are INVALID_ARGUMENT with the key
// below that place, and the value. Refers to the JSON. A plain value.
class JsonFields {
 public:
  static constexpr int64_t kMostCount = int64_t{1} << 53;

  // INVALID_ARGUMENT if it is no object.
  static absl::StatusOr<JsonFields> Of(const nlohmann::json& value, std::string place);

  // The value; nullptr if it is missing or null.
  const nlohmann::json* Find(const char* key) const;
  // The key below this object's place.
  std::string Place(const char* key) const;
  std::string Place(const char* key, size_t index) const;

  // These leave `value` as it is where the key is missing or null.
  absl::Status Read(const char* key, std::string* value) const;
  absl::Status Read(const char* key, double* value) const;

  // These refuse a missing key.
  absl::StatusOr<std::string> Text(const char* key) const;
  absl::StatusOr<bool> Flag(const char* key) const;
  absl::StatusOr<int64_t> Count(const char* key, int64_t min = 0, int64_t max = kMostCount) const;
  absl::StatusOr<JsonFields> Object(const char* key) const;
  absl::StatusOr<const nlohmann::json*> Array(const char* key, size_t max = std::numeric_limits<size_t>::max()) const;

  // INVALID_ARGUMENT about the key: its value, and what it must be.
  absl::Status Refuse(const char* key, absl::string_view must) const;

 private:
  JsonFields(const nlohmann::json& object, std::string place) : object_(&object), place_(std::move(place)) {}

  const nlohmann::json* object_;
  std::string place_;
};

}  // namespace circuitd
