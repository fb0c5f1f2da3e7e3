#include "client/cli/json_output.h"

#include "absl/strings/escaping.h"
#include "base/escape_text.h"
#include "google/protobuf/util/json_util.h"
#include "nlohmann/json.hpp"

namespace circuitd::client {
namespace {

using Json = nlohmann::ordered_json;

void AddReadable(Json& value) {
  if (value.is_object() && value.size() == 2 && value.contains("id") && value.contains("text") &&
      value["text"].is_string()) {
    std::string bytes;
    const auto& base64 = value["text"].get_ref<const std::string&>();
    if (absl::Base64Unescape(base64, &bytes)) value["readable"] = EscapeText(bytes);
    return;
  }
  if (value.is_structured()) {
    for (Json& child : value) AddReadable(child);
  }
}

std::string ToJson(const google::protobuf::Message& message, int indent) {
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string text;
  const auto printed = google::protobuf::util::MessageToJsonString(message, &text, options);
  // Times and durations out of their range have no JSON.
  if (!printed.ok()) return Json{{"jsonError", printed.ToString()}}.dump(indent, ' ', true) + "\n";
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  AddReadable(json);
  return json.dump(indent, ' ', /*ensure_ascii=*/true) + "\n";
}

}  // namespace

std::string JsonLine(const google::protobuf::Message& message) { return ToJson(message, -1); }

std::string JsonDocument(const google::protobuf::Message& message) { return ToJson(message, 2); }

}  // namespace circuitd::client
