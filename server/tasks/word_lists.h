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

// In lower case, single tokens of GPT-2 after a space.
const std::vector<std::string>& PlaceWords();   // where people meet
const std::vector<std::string>& ObjectWords();  // what one can give; "a" goes before each
const std::vector<std::string>& EventWords();   // what can last for years

// What arguments of a function are called, without those that Python or docstrings give a meaning; the same holds.
const std::vector<std::string>& ArgumentNames();

// Nouns, none of them an argument name; single tokens of GPT-2 without a space, too.
const std::vector<std::string>& DescriptionWords();

}  // namespace circuitd
