#include "server/circuit/engine/prompt_rows.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>

#include "server/model/prompt_length.h"

namespace circuitd {
namespace {

using Indices = std::vector<int64_t>;

at::Tensor OnDevice(const Indices& values, at::Device device) { return at::tensor(values, at::kLong).to(device); }

bool IsInOrder(const Indices& indices) {
  for (size_t i = 0; i < indices.size(); ++i) {
    if (indices[i] != static_cast<int64_t>(i)) return false;
  }
  return true;
}

// Rows on the host, numbered as prompts need them.
struct RowTree {
  Indices tokens, positions, sharers;
  std::vector<Indices> path;  // by prompt: the row of each of its positions

  explicit RowTree(const std::vector<ReadPrompt>& prompts) {
    std::unordered_map<int64_t, std::unordered_map<int, int64_t>> children;  // by the row before, -1 at the start
    for (const ReadPrompt& prompt : prompts) {
      int64_t row = -1;
      Indices rows;
      for (const int token : prompt.tokens) {
        const auto [child, is_new] = children[row].try_emplace(token, tokens.size());
        row = child->second;
        if (is_new) {
          tokens.push_back(token);
          positions.push_back(rows.size());
          sharers.push_back(0);
        }
        ++sharers[row];
        rows.push_back(row);
      }
      path.push_back(std::move(rows));
    }
  }
};

void SetPlaces(const RowTree& tree, at::Device device, PromptRows& rows) {
  Indices row_of_place, place_of_row(rows.rows);
  for (const Indices& path : tree.path) {
    for (int64_t position = 0; position < rows.pos; ++position) {
      const int64_t row = path[std::min<size_t>(position, path.size() - 1)];
      if (position < static_cast<int64_t>(path.size())) place_of_row[row] = row_of_place.size();
      row_of_place.push_back(row);
    }
  }
  if (IsInOrder(row_of_place)) return;
  rows.row_of_place = OnDevice(row_of_place, device);
  rows.place_of_row = OnDevice(place_of_row, device);
}

void SetFinalRows(const RowTree& tree, const std::vector<ReadPrompt>& prompts, at::Device device, PromptRows& rows) {
  // By position and row: a prompt that goes through it.
  std::map<int64_t, std::map<int64_t, int64_t>> by_position;
  for (size_t i = 0; i < prompts.size(); ++i) {
    for (const int64_t position : prompts[i].positions) {
      by_position[position][tree.path[i][position]] = static_cast<int64_t>(i);
    }
  }
  Indices final_rows, final_positions, final_of_row(rows.rows, -1);
  for (const auto& [position, group_rows] : by_position) {
    PromptRows::FinalGroup group{
        position, static_cast<int64_t>(final_rows.size()), static_cast<int64_t>(group_rows.size()), {}};
    Indices group_prompts;
    for (const auto& [row, prompt] : group_rows) {
      final_of_row[row] = final_rows.size();
      final_rows.push_back(row);
      final_positions.push_back(position);
      group_prompts.push_back(prompt);
    }
    group.prompts = OnDevice(group_prompts, device);
    rows.final_groups.push_back(std::move(group));
  }
  rows.final_rows = OnDevice(final_rows, device);
  rows.final_positions = OnDevice(final_positions, device);
  if (rows.sharers.defined()) rows.final_sharers = rows.sharers.index_select(0, rows.final_rows);
  Indices final_of_prompt;
  for (size_t i = 0; i < prompts.size(); ++i) {
    final_of_prompt.push_back(final_of_row[tree.path[i][prompts[i].positions.back()]]);
  }
  rows.final_of_prompt = OnDevice(final_of_prompt, device);
}

}  // namespace

at::Tensor PromptRows::RowOfPlace() const {
  return row_of_place.defined() ? row_of_place : at::arange(prompts * pos, tokens.options());
}

PromptRows MakePromptRows(const std::vector<ReadPrompt>& prompts, at::Device device) {
  const RowTree tree(prompts);
  PromptRows rows;
  rows.prompts = prompts.size();
  rows.pos = LongestPrompt(prompts, [](const ReadPrompt& prompt) -> const std::vector<int>& { return prompt.tokens; });
  rows.rows = tree.tokens.size();
  for (const ReadPrompt& prompt : prompts) rows.padded |= static_cast<int64_t>(prompt.tokens.size()) < rows.pos;
  rows.tokens = OnDevice(tree.tokens, device);
  rows.positions = OnDevice(tree.positions, device);
  if (std::any_of(tree.sharers.begin(), tree.sharers.end(), [](int64_t sharers) { return sharers > 1; })) {
    rows.sharers = OnDevice(tree.sharers, device).to(at::kDouble);
  }
  SetPlaces(tree, device, rows);
  SetFinalRows(tree, prompts, device, rows);
  return rows;
}

}  // namespace circuitd
