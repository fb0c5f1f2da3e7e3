// Attention of single heads as heat maps, with tokens at the sides and cells of named positions outlined.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/prompt.pb.h"
#include "client/cli/heat_map.h"
#include "client/tensor_set.h"

namespace circuitd::client {

// What stands at the positions of a map.
struct PromptLabels {
  std::vector<v1::Token> tokens;
  std::map<std::string, uint32_t> roles;
};

// A tensor [layers, heads, query, key] of a reply.
struct AttentionTensor {
  std::string name;  // "pattern/mean"
  std::vector<uint32_t> layers;
  std::vector<uint32_t> heads;
};

// "17 \" in\"" for each token.
std::vector<std::string> PositionLabels(const std::vector<v1::Token>& tokens);

// One map for each of `chosen` (layer, head). DATA_LOSS if the tensor does not fit, or lacks a head.
absl::StatusOr<std::vector<HeatMap>> AttentionMaps(const TensorSet& tensors, const AttentionTensor& tensor,
                                                   const std::vector<std::pair<uint32_t, uint32_t>>& chosen,
                                                   const PromptLabels& labels, ColourScale scale);

// Outlines the cells where a position that `text` names attends to another one: "QUERY_ROLE:KEY_ROLE", in which *
// stands for any characters, or early (member_*:member_*), mid or late (end:last_member), as in arXiv 2311.04131. Keys
// after their query are none. INVALID_ARGUMENT if no role has such a name.
absl::Status Highlight(const std::string& text, const PromptLabels& labels, HeatMap& map);

}  // namespace circuitd::client
