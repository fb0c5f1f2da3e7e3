// Which prompts and heads are looked at in detail, and what is left of long prompts' patterns. Without torch.
#pragma once

#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "server/graph/node.h"
#include "server/model/config.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

// The first `most` clean prompts of the most common length in tokens; of lengths that are equally common the shortest.
// As they stand in `pairs`, of which there is at least one.
std::vector<std::vector<int>> PromptsOfCommonLength(const PromptPairs& pairs, size_t most);

// Heads by layer and head, at most `most`: those among `first`, and then others.
std::vector<Node> ChooseHeads(const ModelConfig& config, const NodeSet& first, size_t most);

// So many positions of a prompt are merged into a cell.
int PositionsPerCell(size_t positions);

// mean [pos, pos], by query and key -> HeadDetail::pattern, each cell the largest of its positions.
std::vector<float> MergeIntoCells(absl::Span<const float> mean, size_t positions, int positions_per_cell);

// The positions that the last one attends to most, at most `most`, the most first; equal ones in order. Of those with
// the same token the one it attends to most. `mean` as above, of which `tokens` are the prompts'.
std::vector<int> MostAttended(absl::Span<const float> mean, absl::Span<const int> tokens, size_t most);

}  // namespace circuitd
