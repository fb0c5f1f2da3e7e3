// The rows of the residual stream that prompts have: where prompts begin alike, they share theirs.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

namespace circuitd {

// Attention is causal and what an ablated node carries depends on its position alone; so a residual stream depends on
// the tokens up to its position, and prompts with the same ones have the same. A row stands for them all: there is no
// padding, and a template's common beginning is computed once. Index tensors are int64 on the device.
struct PromptRows {
  // Final rows that are at one position.
  struct FinalGroup {
    int64_t position = 0;
    int64_t begin = 0, count = 0;  // in final_rows
    at::Tensor prompts;            // [count]: a prompt of each of them
  };

  int64_t prompts = 0;
  int64_t pos = 0;  // tokens of the longest prompt
  int64_t rows = 0;
  bool padded = false;  // whether some prompts are shorter than others

  at::Tensor tokens, positions;  // [rows]
  at::Tensor sharers;            // [rows] float64: how many prompts a row stands for; undefined if each for one
  // Between rows and [prompts, pos]; undefined where the rows are that already. Behind a prompt's end: any row.
  at::Tensor row_of_place;  // [prompts * pos]
  at::Tensor place_of_row;  // [rows]: one of its places

  // What is read where no attention is above.
  at::Tensor final_rows, final_positions;  // [final rows], by position
  at::Tensor final_sharers;                // [final rows], as sharers
  at::Tensor final_of_prompt;              // [prompts]: where each prompt's last read position is in final_rows
  std::vector<FinalGroup> final_groups;

  // row_of_place, always defined.
  at::Tensor RowOfPlace() const;

  int64_t Count(bool final_only) const { return final_only ? final_rows.size(0) : rows; }
  const at::Tensor& Positions(bool final_only) const { return final_only ? final_positions : positions; }
  const at::Tensor& Sharers(bool final_only) const { return final_only ? final_sharers : sharers; }
};

// A prompt, and which of its positions are read where no attention is above.
struct ReadPrompt {
  const std::vector<int>& tokens;  // not empty
  std::vector<int64_t> positions;  // not empty, ascending, within the prompt
};

// Rows are numbered as the prompts, in order, need new ones.
PromptRows MakePromptRows(const std::vector<ReadPrompt>& prompts, at::Device device);

}  // namespace circuitd
