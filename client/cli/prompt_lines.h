// Generated prompts as lines of a file that --prompts takes.
#pragma once

#include <string>

#include "circuitd/v1/task.pb.h"

namespace circuitd::client {

// One line of JSON, with a newline: "clean", "corrupted", "correct", "incorrect" as arrays of token ids, so that they
// are the same prompts again whatever their text is; "roles"; with a filter "correct_probability" and
// "incorrect_probability"; and, for people and passed over when the file is read, the four as "text".
std::string PromptLine(const v1::PromptPair& pair, bool with_probabilities);

}  // namespace circuitd::client
