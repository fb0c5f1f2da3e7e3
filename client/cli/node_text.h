// Nodes of a model as they are typed and shown.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/circuit.pb.h"

namespace circuitd::client {

// "A7.11", "A7.11.q", "M9", "embed", "logits".
std::string NodeName(const v1::Node& node);

// "A5.1->A7.11.q".
std::string EdgeName(const v1::Edge& edge);

// A node back. INVALID_ARGUMENT says what the syntax is.
absl::StatusOr<v1::Node> ParseNode(absl::string_view text);

// "3.0" or "A3.0": layer and head.
absl::StatusOr<std::pair<uint32_t, uint32_t>> ParseHead(absl::string_view text);

// "464,11,257": whole numbers in the type's range.
template <typename Integer>
absl::StatusOr<std::vector<Integer>> ParseIntegers(absl::string_view text);

// The same as ids of tokens.
absl::StatusOr<std::vector<uint32_t>> ParseIds(absl::string_view text);

}  // namespace circuitd::client
