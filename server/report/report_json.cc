#include "server/report/report_json.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/escape_text.h"

namespace circuitd {

ReportJson ReportNumber(double value) {
  if (!std::isfinite(value)) return nullptr;
  double rounded = 0;
  if (!absl::SimpleAtod(absl::StrFormat("%.6g", value), &rounded)) return nullptr;
  // Without ".0".
  constexpr double kMostWhole = 1e15;
  if (rounded == std::trunc(rounded) && std::abs(rounded) < kMostWhole) return static_cast<int64_t>(rounded);
  return rounded;
}

ReportJson ReportNumbers(const std::vector<double>& values) {
  ReportJson list = ReportJson::array();
  for (const double value : values) list.push_back(ReportNumber(value));
  return list;
}

std::string ReportText(absl::string_view text) {
  std::string safe = EscapeText(text.substr(0, kMostTextBytes + 1));
  if (text.size() <= kMostTextBytes && safe.size() <= kMostTextBytes) return safe;
  size_t end = std::min(safe.size(), kMostTextBytes);
  // Not within a character.
  while (end > 0 && end < safe.size() && (static_cast<unsigned char>(safe[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(safe.substr(0, end), "\u2026");
}

int ReportNode(const ModelConfig& config, const Node& node) {
  const int per_layer = config.n_heads + 1;
  switch (node.kind) {
    case Node::Kind::kEmbed:
      return 0;
    case Node::Kind::kHead:
      return 1 + node.layer * per_layer + node.head;
    case Node::Kind::kMlp:
      return 1 + node.layer * per_layer + config.n_heads;
    case Node::Kind::kLogits:
      break;
  }
  return 1 + config.n_layers * per_layer;
}

int ReportInput(const Node& receiver) {
  switch (receiver.input) {
    case Node::Input::kQ:
      return 1;
    case Node::Input::kK:
      return 2;
    case Node::Input::kV:
      return 3;
    case Node::Input::kNone:
      break;
  }
  return 0;
}

void AddEdge(const ModelConfig& config, const Edge& edge, ReportJson& columns) {
  columns["sender"].push_back(ReportNode(config, edge.sender));
  columns["receiver"].push_back(ReportNode(config, edge.receiver));
  columns["input"].push_back(ReportInput(edge.receiver));
}

ReportJson Columns(std::initializer_list<const char*> keys) {
  ReportJson columns = ReportJson::object();
  for (const char* key : keys) columns[key] = ReportJson::array();
  return columns;
}

}  // namespace circuitd
