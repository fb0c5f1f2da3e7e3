// What a job's report says about its prompts.
#pragma once

#include <string>

#include "circuitd/v1/prompt.pb.h"

namespace circuitd {

// The source as JSON, with its defaults filled in; of inline prompts how many there are. `pairs` are those that it
// gave.
std::string PromptsJson(v1::PromptSource source, size_t pairs);

}  // namespace circuitd
