// Edges as SVG draws them: as wide and dark as they are strong, fainter the more there are.
#pragma once

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "server/graph/drawn_edges.h"
#include "server/graph/picture_layout.h"

namespace circuitd {

// `stroke="#0072b2"` and whatever else an edge is drawn with, but its width and opacity.
using EdgeLook = absl::FunctionRef<std::string(const DrawnEdge& edge)>;

// All of them, strong ones over weak ones; each has a <title> where there are not too many for that.
std::string EdgeLinesSvg(const std::vector<DrawnEdge>& edges, const PictureLayout& layout, HeadInputs inputs,
                         EdgeLook look);

}  // namespace circuitd
