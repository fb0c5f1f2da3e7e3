// The result of a sweep before and after it is filled in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "server/model/config.h"
#include "server/patching/patching_sweep.h"

namespace circuitd {

// Whether the columns of a kind's grid are heads; else they are positions.
bool ColumnsAreHeads(HookKind kind);

// The position of a prompt that a column means: negative ones count from its end. nullopt if the prompt lacks it.
std::optional<int64_t> ColumnPosition(int column, size_t length);

// Whether a prompt has a column of `hook`'s grid: a position that it lacks has no value and no part in the mean.
bool HasColumn(const SweepRequest& request, HookKind hook, int column, size_t prompt);

// Grids with layers and columns, and all per-prompt values 0, or NaN where the prompt lacks the position; no means.
SweepResult EmptySweepResult(const ModelConfig& config, const SweepRequest& request);

// Where a prompt's value is in SweepGrid::per_prompt.
size_t ValueIndex(const SweepGrid& grid, size_t layer_index, size_t column_index, size_t prompt, size_t prompts);

// From the per-prompt values.
void FillMeans(const SweepRequest& request, SweepResult& result);

}  // namespace circuitd
