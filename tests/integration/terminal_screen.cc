#include "tests/integration/terminal_screen.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_join.h"

namespace circuitd {

void TerminalScreen::Put(const std::string& character) {
  if (column_ == columns_) {
    ++row_;
    column_ = 0;
  }
  if (row_ >= rows_.size()) rows_.resize(row_ + 1);
  std::vector<std::string>& row = rows_[row_];
  if (row.size() <= column_) row.resize(column_ + 1, " ");
  row[column_++] = character;
}

size_t TerminalScreen::Obey(absl::string_view text) {
  const size_t end = text.find_first_not_of("0123456789;", 2);
  if (text.size() < 3 || text[1] != '[' || end == text.npos) {
    ADD_FAILURE() << "a sequence that is not known, or cut off";
    return text.size();
  }
  size_t number = 1;
  (void)absl::SimpleAtoi(text.substr(2, end - 2), &number);
  if (row_ >= rows_.size()) rows_.resize(row_ + 1);
  switch (text[end]) {
    case 'A':
      row_ -= std::min(row_, number);
      break;
    case 'J':
      rows_.resize(row_ + 1);
      [[fallthrough]];
    case 'K':
      rows_[row_].resize(std::min(rows_[row_].size(), column_));
      break;
    case 'm':
      break;
    default:
      ADD_FAILURE() << "sequence " << text[end] << " is not known";
  }
  return end + 1;
}

void TerminalScreen::Write(absl::string_view text) {
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '\x1b') {
      at += Obey(text.substr(at));
      continue;
    }
    size_t length = 1;
    while (at + length < text.size() && (static_cast<unsigned char>(text[at + length]) & 0xc0) == 0x80) ++length;
    if (text[at] == '\r') {
      column_ = 0;
    } else if (text[at] == '\n') {
      ++row_;
    } else {
      Put(std::string(text.substr(at, length)));
    }
    at += length;
  }
}

std::vector<std::string> TerminalScreen::Rows() const {
  std::vector<std::string> rows;
  for (const std::vector<std::string>& row : rows_) {
    rows.push_back(absl::StrJoin(row, ""));
    rows.back().erase(rows.back().find_last_not_of(' ') + 1);
  }
  return rows;
}

}  // namespace circuitd
