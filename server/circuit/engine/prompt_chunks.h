// How prompts are laid side by side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace circuitd {

// Splits prompts into chunks, each a list of their indices: those that begin alike are neighbours, and a chunk, padded
// to its longest prompt, has at most `chunk_tokens` tokens or one prompt. Prompts of one length fall into chunks of
// nearly one size.
std::vector<std::vector<size_t>> SplitIntoChunks(const std::vector<std::vector<int>>& prompts, int64_t chunk_tokens);

}  // namespace circuitd
