// What heads look at and what they write, as heads.json has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/model/config.h"

namespace circuitd {

struct HeadDetail {
  // The tokens that the head writes most when it reads one: its OV circuit from the embedding after MLP 0 (arXiv
  // 2311.04131, section 4; arXiv 2211.00593, section 3).
  struct Writes {
    int position = 0;                 // of the token that it reads, in HeadDetails::tokens
    std::vector<std::string> tokens;  // the most first
  };

  int layer = 0;
  int head = 0;
  // Mean attention, of query by query the keys up to it: cells * (cells + 1) / 2 numbers of 0 to 1.
  std::vector<float> pattern;
  std::vector<Writes> writes;  // of the positions that the last one attends to most, the most first
};

// Of the heads of a model on one set of prompts.
struct HeadDetails {
  std::string label;         // the prompts': "numerals"
  int64_t prompt_count = 0;  // of which the patterns are the mean: all of one length
  // Of the first of these prompts; bytes as the tokenizer has them.
  std::vector<std::string> tokens;
  // Of long prompts a pattern's cell stands for so many positions, and has the largest mean among them; the last cell
  // may have fewer. So a pattern has ceil(tokens / positions_per_cell) cells a side.
  int positions_per_cell = 1;
  std::vector<HeadDetail> heads;  // by layer and head

  size_t cells() const;  // a side of the patterns
};

// A pattern has at most so many cells a side; so many heads are there at most, those of the circuit first.
inline constexpr int kMostPatternCells = 48;
inline constexpr int kMostDetailedHeads = 256;
inline constexpr char kHeadDetailsSchema[] = "circuitd.heads/1";
// Of a file.
inline constexpr size_t kMostHeadSets = 16;
inline constexpr size_t kMostDetailedTokens = 65'536;
inline constexpr size_t kMostWrittenTokens = 100;
inline constexpr size_t kMaxHeadDetailsBytes = size_t{64} << 20;

// heads.json: "schema": "circuitd.heads/1" (docs/heads-json.md). Of one or more sets of prompts. Patterns have three
// decimals; what is not a number of 0 to 1 becomes the nearest one, or 0.
std::string HeadDetailsJson(const std::vector<HeadDetails>& sets);

// Reads it. INVALID_ARGUMENT names key or entry, value and bound: JSON that is none, another schema, heads that the
// model doesn't have, patterns of another size, numbers that are not 0 to 1. Thread-safe.
absl::StatusOr<std::vector<HeadDetails>> ParseHeadDetails(absl::string_view text, const ModelConfig& config);

}  // namespace circuitd
