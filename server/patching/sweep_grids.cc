#include "server/patching/sweep_grids.h"

#include <limits>
#include <vector>

#include "server/model/index_validation.h"
#include "server/model/prompt_length.h"

namespace circuitd {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<int> Columns(const ModelConfig& config, const SweepRequest& request, HookKind hook) {
  if (ColumnsAreHeads(hook)) return OrAll({}, config.n_heads);
  return OrAll(request.positions, static_cast<int>(LongestPrompt(request.pairs, &PromptPair::clean)));
}

}  // namespace

bool ColumnsAreHeads(HookKind kind) { return AxesOf(kind) != HookAxes::kPos; }

std::optional<int64_t> ColumnPosition(int column, size_t length) {
  const int64_t end = static_cast<int64_t>(length), position = column < 0 ? end + column : int64_t{column};
  if (position < 0 || position >= end) return std::nullopt;
  return position;
}

bool HasColumn(const SweepRequest& request, HookKind hook, int column, size_t prompt) {
  return ColumnsAreHeads(hook) || ColumnPosition(column, request.pairs[prompt].clean.size()).has_value();
}

SweepResult EmptySweepResult(const ModelConfig& config, const SweepRequest& request) {
  SweepResult result;
  const size_t prompts = request.pairs.size();
  result.clean.resize(prompts);
  result.corrupted.resize(prompts);
  for (const HookKind hook : request.hooks) {
    SweepGrid grid{hook, OrAll(request.layers, config.n_layers), Columns(config, request, hook), {}, {}};
    std::vector<double> row(grid.columns.size() * prompts);
    for (size_t column = 0; column < grid.columns.size(); ++column) {
      for (size_t prompt = 0; prompt < prompts; ++prompt) {
        if (!HasColumn(request, hook, grid.columns[column], prompt)) row[column * prompts + prompt] = kNaN;
      }
    }
    grid.per_prompt.reserve(grid.layers.size() * row.size());
    for (size_t layer = 0; layer < grid.layers.size(); ++layer) {
      grid.per_prompt.insert(grid.per_prompt.end(), row.begin(), row.end());
    }
    result.grids.push_back(std::move(grid));
  }
  return result;
}

size_t ValueIndex(const SweepGrid& grid, size_t layer_index, size_t column_index, size_t prompt, size_t prompts) {
  return (layer_index * grid.columns.size() + column_index) * prompts + prompt;
}

void FillMeans(const SweepRequest& request, SweepResult& result) {
  const size_t prompts = request.pairs.size();
  for (SweepGrid& grid : result.grids) {
    for (size_t layer = 0; layer < grid.layers.size(); ++layer) {
      for (size_t column = 0; column < grid.columns.size(); ++column) {
        double sum = 0, count = 0;
        for (size_t prompt = 0; prompt < prompts; ++prompt) {
          if (!HasColumn(request, grid.hook, grid.columns[column], prompt)) continue;
          sum += grid.per_prompt[ValueIndex(grid, layer, column, prompt, prompts)];
          ++count;
        }
        grid.mean.push_back(count > 0 ? sum / count : kNaN);
      }
    }
  }
}

}  // namespace circuitd
