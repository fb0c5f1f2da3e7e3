#include "server/graph/comparison_svg.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/text_width.h"
#include "server/graph/document_text.h"
#include "server/graph/edge_lines.h"
#include "server/graph/membership.h"
#include "server/graph/picture_layout.h"
#include "server/graph/svg_parts.h"

namespace circuitd {
namespace {

constexpr int kHeader = 72;  // title and a line
constexpr int kLegendLine = 22;
constexpr int kLegendWidth = 420;
constexpr int kSummarySize = 13;
constexpr int kLegendSize = 11;
constexpr int kLegendIndent = 106;  // a head, an MLP and a line
constexpr int kMostLabelWidth = 420;
constexpr int kLetterSize = 9;
constexpr int kPillEnds = 8;  // by what a pill is narrower where the letters are

std::string Title(absl::Span<const ComparedCircuit> circuits) {
  const std::string& model = circuits[0].document.model_name;
  return absl::StrCat(circuits.size() == 1 ? "A circuit" : absl::StrCat(circuits.size(), " circuits"),
                      model.empty() ? "" : " in ", model);
}

template <typename Memberships>
std::string SharedOf(const Memberships& memberships, absl::string_view what) {
  const auto shared = std::count_if(memberships.begin(), memberships.end(),
                                    [](const auto& entry) { return SharingOf(entry.second) == Sharing::kAll; });
  return absl::StrCat("All share ", shared, " of ", memberships.size(), " ", what);
}

std::string Shape(const Node& node, int x, int y, int width, int height, absl::string_view attributes) {
  return SvgRect(x, y, width, height, node.is_head() ? height / 2 : std::min(5, height / 5), attributes);
}

std::string Fill(absl::string_view color) { return absl::StrCat("fill=\"", color, "\""); }

std::string Outside() { return absl::StrCat("fill=\"", kFaint, "\" stroke=\"", kFaintEdge, "\""); }

// Closer together where they are many, and only their number where they are too many for the width.
std::string FittedLetters(const Membership& membership, int width) {
  const std::string letters = MembershipLetters(membership);
  for (const std::string& text : {letters, absl::StrReplaceAll(letters, {{" ", ""}})}) {
    if (TextWidth(text, kLetterSize, FontWeight::kBold) <= width) return text;
  }
  return absl::StrCat(std::count(membership.begin(), membership.end(), true), " of ", membership.size());
}

std::string NodeSvg(const Node& node, const Membership* membership, const PictureLayout& layout) {
  const int x = layout.node_x(node), y = layout.node_y(node), middle = x + layout.cell_width() / 2;
  const std::string letters = membership ? MembershipLetters(*membership) : "";
  std::string svg =
      absl::StrCat("<g><title>", NodeName(node), membership ? absl::StrCat(" in ", letters) : ", in none", "</title>",
                   Shape(node, x, y, layout.cell_width(), layout.cell_height(),
                         membership ? Fill(MembershipColor(*membership)) : Outside()));
  if (membership) {
    constexpr char kWhite[] = "text-anchor=\"middle\" font-weight=\"600\" fill=\"#ffffff\" font-size=";
    // Of all: said by having no letters.
    const bool lettered = SharingOf(*membership) != Sharing::kAll;
    svg += SvgText(middle, y + (lettered ? 13 : 18), absl::StrCat(kWhite, "\"12\""), NodeName(node));
    if (lettered) {
      svg += SvgText(middle, y + 24, absl::StrCat(kWhite, "\"", kLetterSize, "\""),
                     FittedLetters(*membership, layout.cell_width() - kPillEnds));
    }
  }
  return svg + "</g>\n";
}

std::string Look(const Membership& membership) {
  const absl::string_view dashes = MembershipDashes(membership);
  return absl::StrCat("stroke=\"", MembershipColor(membership), "\"",
                      dashes.empty() ? "" : absl::StrCat(" stroke-dasharray=\"", dashes, "\""));
}

// First those of some circuits, over them those of all.
std::string EdgesSvg(const std::map<Edge, Membership>& memberships, const PictureLayout& layout) {
  std::string svg;
  for (const bool of_all : {false, true}) {
    std::vector<DrawnEdge> drawn;
    for (const auto& [edge, membership] : memberships) {
      if ((SharingOf(membership) == Sharing::kAll) != of_all) continue;
      DrawnEdge& next = drawn.emplace_back();
      next.edge = edge;
      next.note = " in " + MembershipLetters(membership);
    }
    svg += EdgeLinesSvg(drawn, layout, HeadInputs::kMerged,
                        [&](const DrawnEdge& edge) { return Look(memberships.at(edge.edge)); });
  }
  return svg;
}

// One line of the legend: a head, an MLP and, with edges, room for a line, which there is for `membership`.
std::string LegendLine(int y, absl::string_view fill, bool with_edges, const Membership* membership,
                       absl::string_view text) {
  int x = PictureLayout::kMargin;
  std::string svg =
      absl::StrCat(Shape(Node::Head(0, 0), x, y - 10, 24, 12, fill), Shape(Node::Mlp(0), x + 30, y - 10, 24, 12, fill));
  x += 60;
  if (with_edges && membership) {
    absl::StrAppend(&svg, "<path d=\"M", x, " ", y - 4, "h36\" fill=\"none\" stroke-width=\"2.5\" ", Look(*membership),
                    "/>\n");
  }
  return svg + SvgText(x + (with_edges ? 46 : 4), y, QuietText(kLegendSize), text);
}

std::string LegendText(size_t circuit, const CircuitDocument& document, absl::string_view label) {
  return absl::StrCat(CircuitLetter(circuit), ": only in ", FitText(CleanText(label), kMostLabelWidth, kLegendSize),
                      " (", ScoreLine(document), ")");
}

std::string LegendSvg(absl::Span<const ComparedCircuit> circuits, bool with_edges, int y) {
  const size_t count = circuits.size();
  std::string svg;
  const auto add = [&](const Membership& membership, absl::string_view text) {
    svg += LegendLine(y, Fill(MembershipColor(membership)), with_edges, &membership, text);
    y += kLegendLine;
  };
  add(Membership(count, true), "in all circuits");
  if (count > 2) {
    Membership some(count);
    some[0] = some[1] = true;
    add(some, "in some, as letters say, or so many");
  }
  for (size_t i = 0; count > 1 && i < count; ++i) {
    Membership one(count);
    one[i] = true;
    add(one, LegendText(i, circuits[i].document, circuits[i].label));
  }
  return svg + LegendLine(y, Outside(), with_edges, nullptr, "in none");
}

int WidestText(absl::Span<const ComparedCircuit> circuits, absl::string_view summary) {
  int width = std::max({kLegendWidth, HeadingWidth(Title(circuits)), TextWidth(summary, kSummarySize)});
  for (size_t i = 0; i < circuits.size(); ++i) {
    const std::string text = LegendText(i, circuits[i].document, circuits[i].label);
    width = std::max(width, TextWidth(text, kLegendSize) + kLegendIndent);
  }
  return width;
}

}  // namespace

std::string ComparisonSvg(absl::Span<const ComparedCircuit> circuits) {
  const std::map<Node, Membership> nodes = NodeMemberships(circuits);
  const std::map<Edge, Membership> edges = EdgeMemberships(circuits);
  const bool with_edges = std::any_of(circuits.begin(), circuits.end(), [](const ComparedCircuit& compared) {
    return compared.document.circuit.edges.has_value();
  });
  const int legend =
      (2 + (circuits.size() > 1 ? static_cast<int>(circuits.size()) : 0) + (circuits.size() > 2)) * kLegendLine;
  std::string summary = SharedOf(nodes, "heads and MLPs");
  if (with_edges)
    absl::StrAppend(&summary, " and ",
                    edges.empty() ? "0 edges" : SharedOf(edges, "edges, inputs of a head merged").substr(10));
  const ModelConfig& config = circuits[0].document.config;
  const PictureLayout layout(config, with_edges, kHeader, legend, WidestText(circuits, summary));
  const std::string labels = absl::StrJoin(
      circuits, ", ", [](std::string* out, const ComparedCircuit& compared) { out->append(compared.label); });
  constexpr int kMargin = PictureLayout::kMargin;
  std::string svg =
      absl::StrCat(SvgStart(layout.width(), layout.height(), Title(circuits), absl::StrCat(labels, ": ", summary, ".")),
                   SvgHeading(kMargin, kMargin + 18, Title(circuits)),
                   SvgText(kMargin, kMargin + 43, QuietText(kSummarySize), summary), BarsSvg(layout));
  for (const Node& node : AllNodes(config)) {
    if (!nodes.contains(node)) svg += NodeSvg(node, nullptr, layout);
  }
  svg += EdgesSvg(edges, layout);
  for (const auto& [node, membership] : nodes) svg += NodeSvg(node, &membership, layout);
  return absl::StrCat(svg, AxesSvg(layout), LegendSvg(circuits, with_edges, layout.legend_y() + 10), "</svg>\n");
}

}  // namespace circuitd
