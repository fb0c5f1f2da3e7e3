#include "server/graph/json_fields.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "server/model/strict_json.h"

namespace circuitd {

using nlohmann::json;

absl::StatusOr<json> ParseFileObject(absl::string_view text, size_t max_bytes, size_t max_values) {
  if (text.size() > max_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("has ", text.size(), " bytes, must be at most ", max_bytes));
  }
  // Before any is held: a value of two bytes takes dozens in memory.
  const auto begins = [](char c) { return c == ',' || c == '[' || c == '{'; };
  if (static_cast<size_t>(std::count_if(text.begin(), text.end(), begins)) > max_values) {
    return absl::InvalidArgumentError(absl::StrCat("has more than ", max_values, " values"));
  }
  absl::StatusOr<json> object = ParseStrictJson(text, "file");
  if (!object.ok()) return absl::InvalidArgumentError(absl::StripPrefix(object.status().message(), "file: "));
  if (!object->is_object()) {
    return absl::InvalidArgumentError(absl::StrCat("is ", ShowJson(*object), ", must be an object"));
  }
  return object;
}

absl::StatusOr<JsonFields> JsonFields::Of(const json& value, std::string place) {
  if (value.is_object()) return JsonFields(value, std::move(place));
  return InvalidField(place, absl::StrCat(ShowJson(value), ", must be an object"));
}

const json* JsonFields::Find(const char* key) const {
  const auto value = object_->find(key);
  return value == object_->end() || value->is_null() ? nullptr : &*value;
}

std::string JsonFields::Place(const char* key) const { return place_.empty() ? key : absl::StrCat(place_, ".", key); }

std::string JsonFields::Place(const char* key, size_t index) const { return absl::StrCat(Place(key), "[", index, "]"); }

absl::Status JsonFields::Refuse(const char* key, absl::string_view must) const {
  const auto value = object_->find(key);
  return InvalidField(Place(key), absl::StrCat(value == object_->end() ? "missing" : ShowJson(*value), ", ", must));
}

absl::Status JsonFields::Read(const char* key, std::string* value) const {
  const json* found = Find(key);
  if (found == nullptr) return absl::OkStatus();
  if (!found->is_string()) return Refuse(key, "must be a string");
  *value = found->get<std::string>();
  return absl::OkStatus();
}

absl::Status JsonFields::Read(const char* key, double* value) const {
  const json* found = Find(key);
  if (found == nullptr) return absl::OkStatus();
  if (!found->is_number() || !std::isfinite(found->get<double>())) return Refuse(key, "must be a number or null");
  *value = found->get<double>();
  return absl::OkStatus();
}

absl::StatusOr<std::string> JsonFields::Text(const char* key) const {
  std::string text;
  if (Find(key) == nullptr) return Refuse(key, "must be a string");
  RETURN_IF_ERROR(Read(key, &text));
  return text;
}

absl::StatusOr<bool> JsonFields::Flag(const char* key) const {
  const json* found = Find(key);
  if (found == nullptr || !found->is_boolean()) return Refuse(key, "must be true or false");
  return found->get<bool>();
}

absl::StatusOr<int64_t> JsonFields::Count(const char* key, int64_t min, int64_t max) const {
  const json* found = Find(key);
  const bool whole = found != nullptr && found->is_number_integer() &&
                     !(found->is_number_unsigned() && found->get<uint64_t>() > uint64_t{INT64_MAX});
  if (!whole || found->get<int64_t>() < min || found->get<int64_t>() > max) {
    return Refuse(key, absl::StrCat("must be an integer of ", min, " to ", max));
  }
  return found->get<int64_t>();
}

absl::StatusOr<JsonFields> JsonFields::Object(const char* key) const {
  const json* found = Find(key);
  if (found == nullptr || !found->is_object()) return Refuse(key, "must be an object");
  return JsonFields(*found, Place(key));
}

absl::StatusOr<const json*> JsonFields::Array(const char* key, size_t max) const {
  const json* found = Find(key);
  if (found == nullptr || !found->is_array()) return Refuse(key, "must be an array");
  if (found->size() <= max) return found;
  return InvalidField(Place(key), absl::StrCat("has ", found->size(), " entries, must have at most ", max));
}

}  // namespace circuitd
