#include "server/service/labels.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "server/graph/document_text.h"

namespace circuitd {
namespace {

constexpr size_t kMaxLabelBytes = 63;

// Whole characters of well-formed UTF-8.
std::string Cut(std::string text) {
  if (text.size() <= kMaxLabelBytes) return text;
  size_t end = kMaxLabelBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  text.resize(end);
  return text;
}

}  // namespace

absl::Status ValidateLabel(const std::string& label) {
  if (label.size() > kMaxLabelBytes) {
    return InvalidField("label", absl::StrCat(label.size(), " bytes, must be at most ", kMaxLabelBytes));
  }
  if (HasControls(label)) {
    return InvalidField("label", absl::StrCat("\"", CleanText(label), "\", must have no control characters"));
  }
  return absl::OkStatus();
}

std::string LabelOfPrompts(absl::string_view prompts_json) {
  const auto source = nlohmann::json::parse(prompts_json, nullptr, /*allow_exceptions=*/false);
  if (!source.is_object()) return "";
  const auto task = source.find("task");
  if (task == source.end()) return "";
  const auto* name = &*task;
  if (task->is_object()) {
    const auto inner = task->find("task");
    if (inner == task->end()) return "";
    name = &*inner;
  }
  return name->is_string() ? Cut(CleanText(name->get<std::string>())) : "";
}

}  // namespace circuitd
