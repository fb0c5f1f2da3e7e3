#include "server/patching/sweep_grids.h"

#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "server/patching/pair_validation.h"

namespace circuitd {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

std::vector<int> UpTo(int count) {
  std::vector<int> all(count);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::vector<int> Columns(const ModelConfig& config, const SweepRequest& request, HookKind hook) {
  if (ColumnsAreHeads(hook)) return UpTo(config.n_heads);
  return request.positions.empty() ? UpTo(static_cast<int>(LongestPrompt(request.pairs))) : request.positions;
}

}  // namespace

bool ColumnsAreHeads(HookKind kind) { return AxesOf(kind) != HookAxes::kPos; }

std::optional<int64_t> ColumnPosition(int column, size_t length) {
  const int64_t end = static_cast<int64_t>(length), position = column < 0 ? end + column : int64_t{column};
  if (position < 0 || position >= end) return std::nullopt;
  return position;
}

SweepResult EmptySweepResult(const ModelConfig& config, const SweepRequest& request) {
  SweepResult result;
  const size_t prompts = request.pairs.size();
  result.clean.resize(prompts);
  result.corrupted.resize(prompts);
  for (const HookKind hook : request.hooks) {
    SweepGrid grid{
        hook, request.layers.empty() ? UpTo(config.n_layers) : request.layers, Columns(config, request, hook), {}, {}};
    std::vector<double> row(grid.columns.size() * prompts);
    for (size_t column = 0; column < grid.columns.size() && !ColumnsAreHeads(hook); ++column) {
      for (size_t prompt = 0; prompt < prompts; ++prompt) {
        const bool has_it = ColumnPosition(grid.columns[column], request.pairs[prompt].clean.size()).has_value();
        if (!has_it) row[column * prompts + prompt] = kNaN;
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

void FillMeans(SweepResult& result) {
  const size_t prompts = result.clean.size();
  for (SweepGrid& grid : result.grids) {
    for (size_t begin = 0; begin < grid.per_prompt.size(); begin += prompts) {
      double sum = 0, count = 0;
      for (size_t i = begin; i < begin + prompts; ++i) {
        if (std::isnan(grid.per_prompt[i])) continue;
        sum += grid.per_prompt[i];
        ++count;
      }
      grid.mean.push_back(count > 0 ? sum / count : kNaN);
    }
  }
}

}  // namespace circuitd
