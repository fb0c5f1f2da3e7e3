#include "client/cli/top_view.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/escape_text.h"
#include "client/cli/colour_scale.h"
#include "client/cli/text.h"
#include "client/cli/top_sections.h"

namespace circuitd::client {
namespace {

// Screens that are lower have no empty lines, and no line of keys.
constexpr size_t kRoomy = 16;
constexpr char kInverse[] = "\x1b[7m";

// "12:34", "3 days 1:02:03".
std::string Uptime(const google::protobuf::Duration& uptime) {
  constexpr int64_t kDay = 24 * 3600;
  const int64_t days = uptime.seconds() / kDay;
  return absl::StrCat(days > 0 ? CountOf(static_cast<uint64_t>(days), "day") + " " : "",
                      ClockTime(static_cast<double>(uptime.seconds() % kDay)));
}

std::string Cut(const std::string& text, size_t width) { return width > 0 ? Truncate(text, width) : text; }

std::string HeaderText(const TopState& state) {
  const v1::GetServerInfoResponse& info = state.snapshot.info;
  const auto clock = [&](absl::Time time) { return absl::FormatTime("%H:%M:%S", time, state.zone); };
  std::vector<std::string> parts = {absl::StrCat("circuitd ", info.version(), " at ", state.server)};
  if (!state.trouble.ok()) {
    parts.push_back(absl::StrCat("NO ANSWER since ", clock(state.taken), ", trying again"));
    parts.push_back(std::string(state.trouble.message()));
  } else {
    if (info.has_uptime()) parts.push_back(absl::StrCat("up ", Uptime(info.uptime())));
    parts.push_back(clock(state.now));
    if (state.paused) parts.push_back("PAUSED");
    if (state.own_only) parts.push_back(absl::StrCat("jobs of ", state.user));
  }
  return NarrowText(absl::StrJoin(parts, "  "));
}

std::string Header(const TopState& state, const TopLayout& layout) {
  const std::string text = Cut(HeaderText(state), layout.width);
  if (layout.depth == ColourDepth::kNone) return text;
  return absl::StrCat(state.trouble.ok() ? kBold : kInverse, text, kResetColours);
}

// How many lines each section gets of `height`, its heading and `gap` empty lines before it among them.
std::vector<size_t> Share(const std::vector<TopSection>& sections, size_t height, size_t gap) {
  std::vector<size_t> given(sections.size(), 0), by_worth(sections.size());
  for (size_t i = 0; i < sections.size(); ++i) by_worth[static_cast<size_t>(sections[i].order)] = i;
  const auto need = [&](size_t i) {
    const size_t rows = sections[i].table.rows();
    if (rows == 0) return sections[i].none.empty() ? size_t{0} : gap + 1;
    return gap + 1 + rows;
  };
  for (const bool all : {false, true}) {
    for (const size_t i : by_worth) {
      const size_t wanted = all ? need(i) : std::min(need(i), gap + 1 + sections[i].few);
      const size_t more = std::min(wanted - std::min(wanted, given[i]), height);
      // A heading alone says nothing.
      if (given[i] == 0 && more < std::min(need(i), gap + 2)) continue;
      given[i] += more;
      height -= more;
    }
  }
  return given;
}

void Append(const TopSection& section, size_t given, size_t gap, const TopLayout& layout,
            std::vector<std::string>& lines) {
  if (given == 0) return;
  lines.insert(lines.end(), gap, "");
  const size_t rows = section.table.rows();
  if (rows == 0) {
    lines.push_back(Cut(section.none, layout.width));
    return;
  }
  const size_t room = given - gap - 1;
  // The last line says what there is no room for, if there is a row besides.
  const size_t shown = room >= rows ? rows : room > 1 ? room - 1 : room;
  for (std::string& line : section.table.Render(layout.width, shown, layout.depth)) lines.push_back(std::move(line));
  if (shown < room) lines.push_back(Cut(absl::StrCat("and ", rows - shown, " more"), layout.width));
}

}  // namespace

std::vector<std::string> RenderTop(const TopState& state, const TopLayout& layout) {
  const bool roomy = layout.height == 0 || layout.height >= kRoomy;
  const bool keys = state.live && roomy;
  const size_t gap = roomy ? 1 : 0;
  const size_t height = layout.height > 0 ? layout.height : SIZE_MAX / 2;
  const size_t around = keys ? 2 : 1;
  std::vector<std::string> lines = {Header(state, layout)};
  const std::vector<TopSection> sections = TopSections(state);
  const std::vector<size_t> given = Share(sections, height - around, gap);
  for (size_t i = 0; i < sections.size(); ++i) Append(sections[i], given[i], gap, layout, lines);
  if (!keys) return lines;
  if (layout.height > 0) lines.resize(layout.height - 1);
  const std::string text = absl::StrCat("q quit   p ", state.paused ? "go on" : "pause", "   a ",
                                        state.own_only ? "everybody's jobs" : "only your jobs");
  lines.push_back(Cut(text, layout.width));
  return lines;
}

}  // namespace circuitd::client
