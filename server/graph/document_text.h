// Short texts about a circuit that pictures show.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "server/graph/circuit_document.h"

namespace circuitd {

// What the prompts are, in a few words: a task's name, or where uploaded prompts came from.
std::string TaskTitle(const CircuitDocument& document);

// "Circuit for numerals in gpt2".
std::string CircuitTitle(const CircuitDocument& document);

// "80.3 % of the model's logit difference with 15 of 32 heads and 4 of 4 MLPs", of edge circuits ", 60 of 1,000 edges",
// and "; faithfulness 0.752 by logit_diff"; without what is not known.
std::string ScoreLine(const CircuitDocument& document);

// "threshold 20 · seqcont means · 96 prompts · converged after 73 decisions": as much of it as is known, after the
// method's name if that is not node pruning.
std::string ParameterLine(const CircuitDocument& document);

// `text` with every byte that is not well-formed UTF-8, and every control character, as U+FFFD. Those that turn the
// direction of writing count as such: they would have what is beside them read otherwise than it is.
std::string CleanText(absl::string_view text);

// Whether well-formed `text` has a control character that CleanText would replace.
bool HasControls(absl::string_view text);

}  // namespace circuitd
