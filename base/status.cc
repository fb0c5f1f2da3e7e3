#include "base/status.h"

#include "absl/strings/cord.h"

namespace circuitd {
namespace {
constexpr char kFieldPayload[] = "circuitd/field";
}  // namespace

absl::Status FieldError(absl::StatusCode code, absl::string_view field, absl::string_view description) {
  absl::Status status(code, absl::StrCat(field, ": ", description));
  status.SetPayload(kFieldPayload, absl::Cord(field));
  return status;
}

absl::Status InvalidField(absl::string_view field, absl::string_view description) {
  return FieldError(absl::StatusCode::kInvalidArgument, field, description);
}

std::optional<std::string> FieldOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kFieldPayload);
  if (!payload) return std::nullopt;
  return std::string(*payload);
}

absl::Status WithFieldPrefix(absl::string_view prefix, const absl::Status& status) {
  if (status.ok()) return status;
  const auto field = FieldOf(status);
  if (!field) return FieldError(status.code(), prefix, status.message());
  absl::string_view description = status.message();
  description.remove_prefix(field->size() + 2);  // "field: "
  const bool index = !field->empty() && field->front() == '[';
  return FieldError(status.code(), absl::StrCat(prefix, index ? "" : ".", *field), description);
}

}  // namespace circuitd
