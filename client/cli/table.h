// Aligned columns for people.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace circuitd::client {

class Table {
 public:
  // A heading that begins with '>' is a column aligned to the right. Headings are escaped, as cells are.
  explicit Table(std::vector<std::string> headings);

  // Cells are escaped: they may come from anybody. Missing ones are empty.
  void Add(const std::vector<std::string>& cells);

  // A line each for the headings and every row. Where lines are wider than `width` (0: no limit), columns on the left
  // lose their ends, the widest first; if that is not enough, the others follow in further tables, each with the first
  // columns again. Cells on the right, which are numbers, are never cut. `bold` writes the headings bold.
  std::string Render(size_t width, bool bold) const;

 private:
  std::vector<std::vector<std::string>> rows_;  // the first one: headings
  std::vector<bool> right_;
};

}  // namespace circuitd::client
