// In which of several circuits nodes and edges are, and how pictures show it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "server/graph/comparison_svg.h"
#include "server/graph/edge.h"

namespace circuitd {

// Whether each circuit has it.
using Membership = std::vector<bool>;

enum class Sharing { kNone, kOne, kSome, kAll };

// Of one circuit alone, kAll is what it has.
Sharing SharingOf(const Membership& membership);

std::map<Node, Membership> NodeMemberships(absl::Span<const ComparedCircuit> circuits);
// By edges whose heads' inputs are merged, those that a circuit has which has edges of its own.
std::map<Edge, Membership> EdgeMemberships(absl::Span<const ComparedCircuit> circuits);

// "A", "B", … of the circuits, as many as there are.
std::string CircuitLetter(size_t circuit);
// "A C".
std::string MembershipLetters(const Membership& membership);

// Contrast of white text on it is over 5:1; colours of neighbours differ whatever colours one sees.
const char* MembershipColor(const Membership& membership);
// A stroke's dashes; "" of an unbroken one.
const char* MembershipDashes(const Membership& membership);

}  // namespace circuitd
