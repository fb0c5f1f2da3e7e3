#include "client/cli/table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/escape_text.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 6;

struct Column {
  size_t index;
  bool right;
  size_t width;
  // Narrower it is never made.
  size_t least;
};

size_t LineWidth(const std::vector<Column>& columns) {
  size_t width = kGap * (columns.size() - 1);
  for (const Column& column : columns) width += column.width;
  return width;
}

// Takes from the widest of the columns on this side until the line fits, or none of them can lose more.
void Narrow(bool right, size_t width, std::vector<Column>& columns) {
  while (LineWidth(columns) > width) {
    Column* widest = nullptr;
    for (Column& column : columns) {
      if (column.right != right || column.width <= column.least) continue;
      if (widest == nullptr || column.width > widest->width) widest = &column;
    }
    if (widest == nullptr) return;
    --widest->width;
  }
}

// The columns of each part of a table that has `columns`: one part if its text can be cut to fit; else the first
// columns, which say what a row is about, come again before those that fit beside them.
std::vector<std::vector<Column>> Parts(std::vector<Column> columns, size_t width) {
  std::vector<Column> cut = columns;
  Narrow(/*right=*/false, width, cut);
  const auto first = std::find_if(columns.begin() + 1, columns.end(), [](const Column& one) { return one.right; });
  if (LineWidth(cut) <= width || first == columns.end()) return {cut};
  std::vector<Column> names(columns.begin(), first);
  Narrow(/*right=*/false, width / 2, names);
  std::vector<std::vector<Column>> parts = {names};
  for (auto column = first; column != columns.end(); ++column) {
    parts.back().push_back(*column);
    if (LineWidth(parts.back()) <= width || parts.back().size() == names.size() + 1) continue;
    parts.back().pop_back();
    parts.push_back(names);
    parts.back().push_back(*column);
  }
  for (std::vector<Column>& part : parts) {
    Narrow(/*right=*/false, width, part);
    Narrow(/*right=*/true, width, part);
  }
  return parts;
}

std::string Line(const std::vector<std::string>& row, const std::vector<Column>& columns) {
  std::string line;
  for (const Column& column : columns) {
    const std::string cell = Truncate(row[column.index], column.width);
    const std::string padding(column.width - DisplayWidth(cell), ' ');
    absl::StrAppend(&line, &column != &columns.front() ? std::string(kGap, ' ') : "", column.right ? padding : "", cell,
                    column.right ? "" : padding);
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

Table::Table(std::vector<std::string> headings) {
  for (std::string& heading : headings) {
    const bool right = !heading.empty() && heading.front() == '>';
    right_.push_back(right);
    if (right) heading.erase(0, 1);
    heading = EscapeText(heading);
  }
  rows_.push_back(std::move(headings));
}

void Table::Add(const std::vector<std::string>& cells) {
  std::vector<std::string> row(right_.size());
  for (size_t i = 0; i < row.size() && i < cells.size(); ++i) row[i] = EscapeText(cells[i]);
  rows_.push_back(std::move(row));
}

std::string Table::Render(size_t width, bool bold) const {
  std::vector<Column> columns;
  for (size_t i = 0; i < right_.size(); ++i) {
    Column column{i, right_[i], 0, kNarrowest};
    for (const auto& row : rows_) {
      column.width = std::max(column.width, DisplayWidth(row[i]));
      if (column.right && &row != &rows_.front()) column.least = std::max(column.least, DisplayWidth(row[i]));
    }
    columns.push_back(column);
  }
  std::string out;
  for (const auto& part : width > 0 ? Parts(columns, width) : std::vector<std::vector<Column>>{columns}) {
    absl::StrAppend(&out, out.empty() ? "" : "\n");
    for (const auto& row : rows_) {
      const std::string line = Line(row, part);
      absl::StrAppend(&out, bold && &row == &rows_.front() ? absl::StrCat("\x1b[1m", line, "\x1b[0m") : line, "\n");
    }
  }
  return out;
}

}  // namespace circuitd::client
