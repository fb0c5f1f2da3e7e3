#include "client/cli/fitted_table.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/escape_text.h"
#include "client/cli/progress.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

constexpr size_t kGap = 2;
constexpr size_t kNarrowestBar = 8;
constexpr size_t kWidestBar = 30;
constexpr size_t kBarWithoutLimit = 20;

std::string Painted(const std::string& text, const std::optional<Rgb>& colour, ColourDepth depth) {
  if (!colour || depth == ColourDepth::kNone) return text;
  return absl::StrCat(Foreground(*colour, depth), text, kResetColours);
}

}  // namespace

FittedTable::FittedTable(std::vector<FittedColumn> columns) : columns_(std::move(columns)) {}

void FittedTable::Add(std::vector<FittedCell> cells) {
  for (FittedCell& cell : cells) cell.text = NarrowText(cell.text);
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::vector<FittedTable::Placed> FittedTable::Place(size_t width) const {
  std::vector<Placed> places;
  for (size_t i = 0; i < columns_.size(); ++i) {
    Placed place{i, 0, 0};
    for (const auto& row : rows_) {
      place.width = std::max(place.width, DisplayWidth(row[i].text));
      if (row[i].bar) place.bar = kNarrowestBar + 1;
    }
    if (i > 0 && place.width == 0 && place.bar == 0) continue;
    const size_t heading = DisplayWidth(columns_[i].heading);
    place.width = std::max(place.width, heading - std::min(heading, place.bar));
    places.push_back(place);
  }
  const auto line = [&] {
    size_t sum = kGap * (places.size() - 1);
    for (const Placed& place : places) sum += place.width + place.bar;
    return sum;
  };
  const auto widen = [&](size_t most, auto has_room) {
    for (bool more = true; more;) {
      more = false;
      for (Placed& place : places) {
        if (place.bar == 0 || place.bar > most || !has_room()) continue;
        ++place.bar;
        more = true;
      }
    }
  };
  if (width == 0) {
    widen(kBarWithoutLimit, [] { return true; });
    return places;
  }
  while (line() > width) {
    Placed* widest = nullptr;
    for (Placed& place : places) {
      const size_t least = columns_[place.index].least;
      if (least == 0 || place.width <= least) continue;
      if (widest == nullptr || place.width > widest->width) widest = &place;
    }
    if (widest != nullptr) {
      --widest->width;
    } else if (places.size() > 1) {
      // Texts that were cut for the column that goes have their ends again.
      FittedTable fewer = *this;
      const auto least = std::min_element(places.begin() + 1, places.end(), [&](const Placed& a, const Placed& b) {
        return columns_[a.index].worth < columns_[b.index].worth;
      });
      for (auto& row : fewer.rows_) row[least->index] = {};
      return fewer.Place(width);
    } else {
      places[0].bar = 0;
      places[0].width = width;
    }
  }
  widen(kWidestBar, [&] { return line() < width; });
  return places;
}

std::string FittedTable::Line(const std::vector<FittedCell>& cells, const std::vector<Placed>& places,
                              ColourDepth depth) const {
  std::string line;
  size_t padding = 0;  // not written at the line's end
  for (const Placed& place : places) {
    const FittedCell& cell = cells[place.index];
    const bool has_bar = cell.bar && place.bar > 0;
    const size_t room = has_bar ? place.width : place.width + place.bar;
    const std::string text = Truncate(cell.text, room);
    const size_t rest = room - DisplayWidth(text);
    if (&place != &places.front()) padding += kGap;
    if (has_bar) {
      absl::StrAppend(&line, std::string(padding, ' '),
                      Painted(ProgressBar(*cell.bar, place.bar - 1), cell.colour, depth));
      padding = 1;
    }
    if (columns_[place.index].right) padding += rest;
    if (!text.empty()) {
      absl::StrAppend(&line, std::string(padding, ' '), has_bar ? text : Painted(text, cell.colour, depth));
      padding = 0;
    }
    if (!columns_[place.index].right) padding += rest;
  }
  return line;
}

std::vector<std::string> FittedTable::Render(size_t width, size_t rows, ColourDepth depth) const {
  const std::vector<Placed> places = Place(width);
  std::vector<FittedCell> headings;
  for (const FittedColumn& column : columns_) headings.push_back({column.heading});
  const std::string heading = Line(headings, places, ColourDepth::kNone);
  std::vector<std::string> lines = {depth == ColourDepth::kNone ? heading
                                                                : absl::StrCat(kBold, heading, kResetColours)};
  for (size_t i = 0; i < std::min(rows, rows_.size()); ++i) lines.push_back(Line(rows_[i], places, depth));
  return lines;
}

}  // namespace circuitd::client
