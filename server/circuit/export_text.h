// Short texts about a pruning run that several exports show.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "server/circuit/export.h"

namespace circuitd {

// "seqcont", "clean": as requests and files spell it.
std::string MlpMeansName(MlpMeans means);

// What the prompts are, in a few words: a task's name, or where uploaded prompts came from.
std::string TaskTitle(const PruningReport& report);

// "Circuit for numerals in gpt2".
std::string CircuitTitle(const PruningReport& report);

// "80.3 % of the model's logit difference with 15 of 32 heads and 4 of 4 MLPs".
std::string ScoreLine(const PruningReport& report);

// "threshold 20 · seqcont means · 96 prompts · converged after 73 decisions".
std::string ParameterLine(const PruningReport& report);

// `text` with every byte that is not well-formed UTF-8, and every control character, as U+FFFD.
std::string CleanText(absl::string_view text);

}  // namespace circuitd
