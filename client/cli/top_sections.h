// The tables of `circuit top`: devices, models and jobs. Pure functions of what a server said.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "client/cli/fitted_table.h"
#include "client/cli/top_state.h"

namespace circuitd::client {

struct TopSection {
  FittedTable table;
  // Shown in the table's place when it has no rows; empty: then nothing is.
  std::string none;
  // Rows that it has before sections of less worth have any, and the section's place in that order.
  size_t few;
  int order;
};

// As they stand below each other: devices, models, jobs that run, wait, and have ended.
std::vector<TopSection> TopSections(const TopState& state);

}  // namespace circuitd::client
