// What a command found, as people read it: lines, tables and heat maps, one after the other.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "client/cli/heat_map.h"
#include "client/cli/table.h"
#include "client/cli/terminal.h"

namespace circuitd::client {

// Not thread-safe.
class Report {
 public:
  // Any text; it is escaped, and cut to the terminal's width.
  void AddLine(std::string line) { parts_.emplace_back(std::move(line)); }
  void AddTable(Table table) { parts_.emplace_back(std::move(table)); }
  void AddMap(HeatMap map) { parts_.emplace_back(std::move(map)); }
  // A map that only a picture shows: a table says the same.
  void AddPictureOnly(HeatMap map) { pictures_.push_back(std::move(map)); }

  // For a terminal of `width` columns; 0: no limit.
  std::string Render(size_t width, ColourDepth depth) const;
  // Of the picture.
  std::vector<HeatMap> Maps() const;

 private:
  std::vector<std::variant<std::string, Table, HeatMap>> parts_;
  std::vector<HeatMap> pictures_;
};

}  // namespace circuitd::client
