// Names of nodes and edges in files, read back.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "server/graph/edge.h"
#include "server/graph/node.h"

namespace circuitd {

// What NodeName() has written: "A5.1", "A7.11.q", "M9", "embed", "logits". nullopt for all else, "A05.1" too: a node
// has one name. No model's bounds are checked.
std::optional<Node> ParseNodeName(absl::string_view name);

// As EAP-IG spells them: "a5.h1", "m9", "input", "logits"; a receiver's "a7.h11<q>".
std::string EapNodeName(const Node& node);
std::optional<Node> ParseEapNodeName(absl::string_view name);
// "a5.h1->a7.h11<q>".
std::string EapEdgeName(const Edge& edge);
std::optional<Edge> ParseEapEdgeName(absl::string_view name);

}  // namespace circuitd
