// Which prompts a model continues well enough to be worth analysing, as published.
#pragma once

#include <vector>

namespace circuitd {

// The filter of arXiv 2311.04131: `first_choice`, the token that the model thinks likeliest, is one of `correct`, and
// the correct tokens' probability is at least twice the incorrect ones'. False if a probability is NaN. Thread-safe.
bool PassesPublishedFilter(int first_choice, double correct_probability, double incorrect_probability,
                           const std::vector<int>& correct);

}  // namespace circuitd
