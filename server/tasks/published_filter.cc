// Which prompts a model continues well enough to be worth analysing, as published.
#include "server/tasks/published_filter.h"

#include <algorithm>

namespace circuitd {

bool PassesPublishedFilter(int first_choice, double correct_probability, double incorrect_probability,
                           const std::vector<int>& correct) {
  return std::find(correct.begin(), correct.end(), first_choice) != correct.end() &&
         correct_probability >= 2 * incorrect_probability;
}

}  // namespace circuitd
