#include "client/cli/table.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowest = 6;

// Takes from the widest column until the line fits, or no column can lose more.
void Narrow(size_t width, std::vector<size_t>& columns) {
  const auto total = [&] {
    return std::accumulate(columns.begin(), columns.end(), size_t{0}) + kGap * (columns.size() - 1);
  };
  while (total() > width) {
    const auto widest = std::max_element(columns.begin(), columns.end());
    if (*widest <= kNarrowest) return;
    --*widest;
  }
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
  std::vector<size_t> columns(right_.size(), 0);
  for (const auto& row : rows_) {
    for (size_t i = 0; i < row.size(); ++i) columns[i] = std::max(columns[i], DisplayWidth(row[i]));
  }
  if (width > 0) Narrow(width, columns);
  std::string out;
  for (size_t r = 0; r < rows_.size(); ++r) {
    std::string line;
    for (size_t i = 0; i < columns.size(); ++i) {
      const std::string cell = Truncate(rows_[r][i], columns[i]);
      const std::string padding(columns[i] - DisplayWidth(cell), ' ');
      absl::StrAppend(&line, i > 0 ? std::string(kGap, ' ') : "", right_[i] ? padding : "", cell,
                      right_[i] ? "" : padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    absl::StrAppend(&out, bold && r == 0 ? absl::StrCat("\x1b[1m", line, "\x1b[0m") : line, "\n");
  }
  return out;
}

}  // namespace circuitd::client
