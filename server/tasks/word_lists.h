// The words that generated prompts are made of.
#pragma once

#include <string>
#include <vector>

namespace circuitd {

// Capitalised everyday nouns, each once. In GPT-2's vocabulary all are single tokens, with and without a leading space.
// Thread-safe.
const std::vector<std::string>& ThingWords();

// English first names, none of them a month. The same holds for them.
const std::vector<std::string>& FirstNames();

}  // namespace circuitd
