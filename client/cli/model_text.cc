#include "client/cli/model_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

namespace circuitd::client {

std::string DataTypeName(v1::DataType type) {
  if (type == v1::DATA_TYPE_UNSPECIFIED) return "";
  return absl::AsciiStrToLower(absl::StripPrefix(v1::DataType_Name(type), "DATA_TYPE_"));
}

}  // namespace circuitd::client
