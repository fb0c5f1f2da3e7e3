#include "server/graph/edge_lines.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/graph/svg_parts.h"

namespace circuitd {
namespace {

constexpr int kLevels = 8;  // of strength
// Beyond that a file would grow to megabytes.
constexpr size_t kMostTitles = 5000;
// So many edges leave a picture legible; more are drawn fainter.
constexpr double kLegible = 120;

std::string Title(const DrawnEdge& edge, bool scored) {
  std::string title = EdgeName(edge.edge) + edge.note;
  if (scored) absl::StrAppendFormat(&title, ", score %.4g", edge.score);
  return absl::StrCat("<title>", XmlText(title), "</title>");
}

}  // namespace

std::string EdgeLinesSvg(const std::vector<DrawnEdge>& edges, const PictureLayout& layout, HeadInputs inputs,
                         EdgeLook look) {
  const bool scored = std::any_of(edges.begin(), edges.end(), [](const DrawnEdge& edge) { return edge.score != 0; });
  const double fade = std::min(1.0, std::pow(kLegible / std::max<double>(edges.size(), 1), 0.33));
  // What looks the same is one group: the file stays small.
  std::map<std::pair<int, std::string>, std::string> groups;
  for (const DrawnEdge& edge : edges) {
    const int level = static_cast<int>(std::lround(std::sqrt(edge.strength) * (kLevels - 1)));
    std::string& group = groups[{scored ? level : kLevels / 2, look(edge)}];
    absl::StrAppend(&group, "<path d=\"", layout.EdgePath(edge.edge, inputs), "\"");
    edges.size() > kMostTitles ? absl::StrAppend(&group, "/>\n")
                               : absl::StrAppend(&group, ">", Title(edge, scored), "</path>\n");
  }
  std::string svg;
  for (const auto& [key, paths] : groups) {
    const double strength = static_cast<double>(key.first) / (kLevels - 1);
    absl::StrAppendFormat(&svg, "<g fill=\"none\" %s stroke-width=\"%.2f\" stroke-opacity=\"%.2f\">\n%s</g>\n",
                          key.second, std::max(0.4, (0.7 + 3.3 * strength) * std::sqrt(fade)),
                          std::max(0.06, (0.3 + 0.6 * strength) * fade), paths);
  }
  return svg;
}

}  // namespace circuitd
