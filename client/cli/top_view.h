// What `circuit top` shows as lines of text: a pure function of what the server said.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "client/cli/terminal.h"
#include "client/cli/top_state.h"

namespace circuitd::client {

struct TopLayout {
  size_t width = 0;   // columns; 0: no limit
  size_t height = 0;  // rows; 0: no limit
  ColourDepth depth = ColourDepth::kNone;
};

// At most `height` lines of at most `width` columns, without newlines: what server this is and whether it answers,
// devices, models, jobs. Where there is no room for all, each part has some, the more worth the part the more, and says
// how many more there are. The server's words are made safe.
std::vector<std::string> RenderTop(const TopState& state, const TopLayout& layout);

}  // namespace circuitd::client
