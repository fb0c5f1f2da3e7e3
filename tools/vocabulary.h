// Makes a byte-level BPE vocabulary (Sennrich et al. 2016; Radford et al. 2019, section 2.2) out of a corpus.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// Pieces that merges don't cross, spelt in bytes, with how often they occur.
using PieceCounts = std::map<std::string, int64_t>;

// Adds the pieces of `text`, which is made of ASCII letters, digits, full stops and single spaces: runs of letters,
// runs of digits and full stops, each with the space before it, as GPT-2's pre-tokenizer cuts such text.
void CountPieces(absl::string_view text, PieceCounts& counts);

struct Vocabulary {
  // By id, in GPT-2's printable alphabet of bytes: the 256 bytes, the merges' results, "<|endoftext|>". All distinct.
  std::vector<std::string> tokens;
  // First merge first, in the same alphabet.
  std::vector<std::pair<std::string, std::string>> merges;
};

// Merges the most frequent pair, of several the alphabetically first, until each piece is one token. Deterministic.
Vocabulary MakeVocabulary(const PieceCounts& pieces);

// Writes vocab.json and merges.txt into `folder`. UNAVAILABLE, naming the file, if that fails.
absl::Status WriteVocabulary(const Vocabulary& vocabulary, const std::string& folder);

}  // namespace circuitd
