#include "client/cli/heat_map.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/escape_text.h"
#include "client/cli/text.h"

namespace circuitd::client {

ValueRange RangeOf(const HeatMap& map) {
  double low = 0;
  double high = 0;
  for (double value : map.values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (map.scale == ColourScale::kDiverging) {
    high = std::max(high, -low);
    low = -high;
  }
  // Something to divide by where all is zero.
  if (!(high > low)) return {map.scale == ColourScale::kDiverging ? -1.0 : 0.0, 1};
  return {low, high};
}

int DecimalsOf(ValueRange range) {
  const double largest = std::max(std::abs(range.low), std::abs(range.high));
  int decimals = 2;
  for (double bound = 0.1; decimals < 5 && largest < bound; bound /= 10) ++decimals;
  return decimals;
}

std::string CellText(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  const double size = std::abs(value);
  if (size >= 999.5) return absl::StrFormat("%.1e", value);
  if (size >= 99.95) return absl::StrFormat("%.0f", value);
  if (size >= 9.995) return absl::StrFormat("%.1f", value);
  // A sign before nothing but zeros says nothing.
  return absl::StrFormat("%.*f", decimals, size < 0.5 * std::pow(10, -decimals) ? 0.0 : value);
}

std::string CellLabel(const HeatMap& map, size_t row, size_t column, size_t width, int decimals) {
  if (map.words.empty()) return CellText(map.at(row, column), decimals);
  return Truncate(NarrowText(map.words[row * map.columns.size() + column]), width);
}

HeatMap Coarsened(const HeatMap& map, size_t max_rows, size_t max_columns) {
  const size_t tall = (map.rows.size() + max_rows - 1) / max_rows;
  const size_t wide = (map.columns.size() + max_columns - 1) / max_columns;
  if (tall <= 1 && wide <= 1) return map;
  HeatMap out = map;
  out.rows.clear();
  out.columns.clear();
  out.outlined.clear();
  out.words.clear();
  for (size_t row = 0; row < map.rows.size(); row += tall) out.rows.push_back(map.rows[row]);
  for (size_t column = 0; column < map.columns.size(); column += wide) out.columns.push_back(map.columns[column]);
  out.values.assign(out.rows.size() * out.columns.size(), std::numeric_limits<double>::quiet_NaN());
  for (size_t row = 0; row < map.rows.size(); ++row) {
    for (size_t column = 0; column < map.columns.size(); ++column) {
      const double value = map.at(row, column);
      double& merged = out.values[row / tall * out.columns.size() + column / wide];
      if (std::isfinite(value) && !(std::abs(value) <= std::abs(merged))) merged = value;
    }
  }
  for (const auto& [row, column] : map.outlined) out.outlined.insert({row / tall, column / wide});
  absl::StrAppend(&out.title, " (each cell: the strongest of ", tall, " x ", wide, ")");
  return out;
}

}  // namespace circuitd::client
