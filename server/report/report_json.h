// Values as a report's data has them.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "nlohmann/json.hpp"
#include "server/graph/edge.h"
#include "server/graph/node.h"
#include "server/model/config.h"

namespace circuitd {

using ReportJson = nlohmann::ordered_json;

// Six significant digits; null if it is not finite.
ReportJson ReportNumber(double value);
ReportJson ReportNumbers(const std::vector<double>& values);

// Longer texts end with "…".
inline constexpr size_t kMostTextBytes = 400;

// EscapeText's.
std::string ReportText(absl::string_view text);

// Numbers of nodes and inputs (report_data.h). A receiver has its node's.
int ReportNode(const ModelConfig& config, const Node& node);
int ReportInput(const Node& receiver);

// Adds the edge to the columns "sender", "receiver" and "input" of `columns`.
void AddEdge(const ModelConfig& config, const Edge& edge, ReportJson& columns);

// An object of empty lists with these keys.
ReportJson Columns(std::initializer_list<const char*> keys);

}  // namespace circuitd
