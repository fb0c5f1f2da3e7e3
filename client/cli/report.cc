#include "client/cli/report.h"

#include "absl/strings/str_cat.h"
#include "base/escape_text.h"
#include "client/cli/text.h"

namespace circuitd::client {

std::string Report::Render(size_t width, ColourDepth depth) const {
  std::string out;
  for (size_t i = 0; i < parts_.size(); ++i) {
    // Around tables and maps there is a blank line.
    const bool lines = i > 0 && parts_[i].index() == 0 && parts_[i - 1].index() == 0;
    if (i > 0 && !lines) out += "\n";
    if (const auto* line = std::get_if<std::string>(&parts_[i])) {
      const std::string text = EscapeText(*line);
      absl::StrAppend(&out, width > 0 ? Truncate(text, width) : text, "\n");
    } else if (const auto* table = std::get_if<Table>(&parts_[i])) {
      out += table->Render(width, depth != ColourDepth::kNone);
    } else {
      out += RenderHeatMap(std::get<HeatMap>(parts_[i]), width, depth);
    }
  }
  return out;
}

std::vector<HeatMap> Report::Maps() const {
  std::vector<HeatMap> maps;
  for (const auto& part : parts_) {
    if (const auto* map = std::get_if<HeatMap>(&part)) maps.push_back(*map);
  }
  maps.insert(maps.end(), pictures_.begin(), pictures_.end());
  return maps;
}

}  // namespace circuitd::client
