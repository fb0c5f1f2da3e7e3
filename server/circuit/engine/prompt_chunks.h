// How pairs of prompts are laid side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "server/model/prompt_pair.h"

namespace circuitd {

// Splits pairs into chunks, each a list of their indices: those that begin alike are neighbours, and a chunk's clean
// prompts, padded to the longest, have at most `chunk_tokens` tokens or are one. Pairs of one length fall into chunks
// of nearly one size.
std::vector<std::vector<size_t>> SplitIntoChunks(const PromptPairs& pairs, int64_t chunk_tokens);

}  // namespace circuitd
