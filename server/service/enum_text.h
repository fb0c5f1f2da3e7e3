// Enums of the API as files spell their values.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/generated_enum_reflection.h>

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace circuitd {

// METRIC_KL_DIV: "kl_div". Of a value that has no name, its number.
template <typename Enum>
std::string EnumText(Enum value) {
  const google::protobuf::EnumDescriptor& type = *google::protobuf::GetEnumDescriptor<Enum>();
  const auto* named = type.FindValueByNumber(value);
  if (named == nullptr) return absl::StrCat(static_cast<int>(value));
  absl::string_view name = named->name();
  // Every name begins as that of 0 does.
  absl::ConsumePrefix(&name, absl::StripSuffix(type.FindValueByNumber(0)->name(), "UNSPECIFIED"));
  return absl::AsciiStrToLower(name);
}

}  // namespace circuitd
