#include "server/graph/json_text.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace circuitd {

using Json = nlohmann::ordered_json;

std::string JsonText(const Json& json, int indent) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

Json JsonObjectOf(absl::string_view text) {
  Json json = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  return json.is_object() ? json : Json();
}

void JsonObjectWriter::AddKey(absl::string_view key) {
  absl::StrAppend(&text_, text_.size() == 1 ? "" : ",", "\n  ", JsonText(Json(std::string(key)), -1), ": ");
}

void JsonObjectWriter::Add(absl::string_view key, const Json& value) {
  AddKey(key);
  // Strings hold their newlines escaped.
  text_ += absl::StrReplaceAll(JsonText(value, 2), {{"\n", "\n  "}});
}

void JsonObjectWriter::AddList(absl::string_view key, char open, absl::string_view entries, char close) {
  AddKey(key);
  text_ += open;
  if (absl::ConsumeSuffix(&entries, ",\n")) absl::StrAppend(&text_, "\n", entries, "\n  ");
  text_ += close;
}

std::string JsonObjectWriter::Finish() && {
  text_ += "\n}\n";
  return std::move(text_);
}

}  // namespace circuitd
