// Numbers of heads: layers x heads as a heat map, and the strongest of them as a table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "client/cli/heat_map.h"
#include "client/cli/table.h"
#include "client/tensor_set.h"

namespace circuitd::client {

struct HeadValue {
  uint32_t layer = 0;
  uint32_t head = 0;
  double value = 0;
};

// A [layers, heads] tensor. DATA_LOSS if it is missing, or has another shape.
absl::StatusOr<std::vector<HeadValue>> ReadHeads(const TensorSet& tensors, const std::string& name,
                                                 const std::vector<uint32_t>& layers,
                                                 const std::vector<uint32_t>& heads);

// Layers and heads 0, 1, … of the [n_layers, n_heads] tensor that the reply has. DATA_LOSS if it is missing or is no
// such tensor.
absl::StatusOr<std::vector<HeadValue>> ReadAllHeads(const TensorSet& tensors, const std::string& name);

// Layers that occur x heads that occur; NaN elsewhere. DATA_LOSS if that is no grid of a model.
absl::StatusOr<HeatMap> HeadMap(std::string title, const std::vector<HeadValue>& values, ColourScale scale);

// The `count` highest, or with `by_size` those farthest from zero; what is NaN is left out.
std::vector<HeadValue> Strongest(std::vector<HeadValue> values, size_t count, bool by_size);

// One column for each ranking: the i-th strongest head of each, "A3.0 0.97".
struct Ranking {
  std::string name;
  std::vector<HeadValue> heads;
};
Table RankingTable(const std::vector<Ranking>& rankings);

// A model's layers, or heads of a layer, at most: what a reply says beyond is no model's.
inline constexpr size_t kMaxGridSide = 4096;

}  // namespace circuitd::client
