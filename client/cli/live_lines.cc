#include "client/cli/live_lines.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

constexpr char kEraseLineEnd[] = "\x1b[K";
constexpr char kEraseBelow[] = "\x1b[J";

// Columns, without the sequences that choose colours.
size_t VisibleWidth(const std::string& line) {
  std::string plain;
  for (size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '\x1b') {
      at = std::min(line.find('m', at), line.size());
    } else {
      plain.push_back(line[at]);
    }
  }
  return DisplayWidth(plain);
}

}  // namespace

std::string LiveLines::Back(size_t line, TerminalSize size) const {
  // A terminal that has become narrower has broken what no longer fits.
  const auto rows = [&](const std::string& text) {
    return size.width > 0 ? std::max<size_t>(1, (VisibleWidth(text) + size.width - 1) / size.width) : 1;
  };
  size_t up = 0;
  for (size_t i = line; i < lines_.size(); ++i) up += rows(lines_[i]);
  return up > 1 ? absl::StrCat("\r\x1b[", up - 1, "A") : "\r";
}

std::string LiveLines::Draw(std::vector<std::string> lines, TerminalSize size) {
  if (lines.empty()) return End(0, size);
  std::string out = lines_.empty() ? "\r" : Back(0, size);
  const bool anew = size != size_;
  if (anew && !lines_.empty()) out += kEraseBelow;
  for (size_t i = 0; i < lines.size(); ++i) {
    const bool last = i + 1 == lines.size();
    // The last one's end is where the cursor is to be.
    if (last || anew || i >= lines_.size() || lines[i] != lines_[i]) absl::StrAppend(&out, lines[i], kEraseLineEnd);
    if (!last) out += "\n";
  }
  if (lines.size() < lines_.size()) out += kEraseBelow;
  lines_ = std::move(lines);
  size_ = size;
  return out;
}

std::string LiveLines::End(size_t kept, TerminalSize size) {
  if (lines_.empty()) return "";
  const size_t stay = std::min(kept, lines_.size());
  std::string out = stay == lines_.size() ? "\n" : absl::StrCat(Back(stay, size), kEraseBelow);
  lines_.clear();
  return out;
}

}  // namespace circuitd::client
