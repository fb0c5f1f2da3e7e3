#include "server/graph/membership.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "server/graph/compare.h"
#include "server/graph/drawn_edges.h"
#include "server/graph/svg_parts.h"

namespace circuitd {
namespace {

// Okabe and Ito's colours, as dark as white text needs.
constexpr const char* kColors[] = {"#0a66a8", "#b34a00", "#00704f", "#96407c", "#7a5a00", "#20618a"};
constexpr const char* kDashes[] = {"8 3", "2 3", "8 3 2 3", "5 5", "12 3", "2 6"};

size_t First(const Membership& membership) {
  return std::find(membership.begin(), membership.end(), true) - membership.begin();
}

}  // namespace

Sharing SharingOf(const Membership& membership) {
  const auto count = std::count(membership.begin(), membership.end(), true);
  if (count == 0) return Sharing::kNone;
  if (count == static_cast<ptrdiff_t>(membership.size())) return Sharing::kAll;
  return count == 1 ? Sharing::kOne : Sharing::kSome;
}

std::map<Node, Membership> NodeMemberships(absl::Span<const ComparedCircuit> circuits) {
  std::map<Node, Membership> memberships;
  for (size_t i = 0; i < circuits.size(); ++i) {
    for (const Node& node : circuits[i].document.circuit.nodes) {
      memberships.try_emplace(node, circuits.size()).first->second[i] = true;
    }
  }
  return memberships;
}

std::map<Edge, Membership> EdgeMemberships(absl::Span<const ComparedCircuit> circuits) {
  std::map<Edge, Membership> memberships;
  // Those of node circuits come last: they add to what is there.
  for (const bool own : {true, false}) {
    for (size_t i = 0; i < circuits.size(); ++i) {
      const CircuitDocument& document = circuits[i].document;
      if (document.circuit.edges.has_value() != own) continue;
      if (!own && memberships.empty()) continue;
      const EdgeSet edges = EdgesOf(document.config, document.circuit);
      for (const DrawnEdge& drawn : DrawnEdges(edges, nullptr, HeadInputs::kMerged)) {
        if (own) memberships.try_emplace(drawn.edge, circuits.size());
        if (const auto known = memberships.find(drawn.edge); known != memberships.end()) known->second[i] = true;
      }
    }
  }
  return memberships;
}

std::string CircuitLetter(size_t circuit) {
  const std::string letter(1, static_cast<char>('A' + circuit % 26));
  return circuit < 26 ? letter : absl::StrCat(letter, circuit / 26);
}

std::string MembershipLetters(const Membership& membership) {
  std::string letters;
  for (size_t i = 0; i < membership.size(); ++i) {
    if (membership[i]) absl::StrAppend(&letters, letters.empty() ? "" : " ", CircuitLetter(i));
  }
  return letters;
}

const char* MembershipColor(const Membership& membership) {
  switch (SharingOf(membership)) {
    case Sharing::kAll:
      return kInk;
    case Sharing::kOne:
      return kColors[First(membership) % std::size(kColors)];
    case Sharing::kSome:
    case Sharing::kNone:
      break;
  }
  return kQuietInk;
}

const char* MembershipDashes(const Membership& membership) {
  return SharingOf(membership) == Sharing::kOne ? kDashes[First(membership) % std::size(kDashes)] : "";
}

}  // namespace circuitd
