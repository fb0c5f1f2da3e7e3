// The colours of edges in pictures, by what they go into.
#pragma once

#include "server/graph/node.h"

namespace circuitd {

// Okabe and Ito's blue, vermillion and bluish green for q, k and v, which tell apart whatever colours one sees;
// contrast on white is over 3:1. A grey for all other receivers, a head whose inputs are merged among them.
inline const char* InputColor(const Node& receiver) {
  switch (receiver.input) {
    case Node::Input::kQ:
      return "#0072b2";
    case Node::Input::kK:
      return "#d55e00";
    case Node::Input::kV:
      return "#009e73";
    case Node::Input::kNone:
      break;
  }
  return "#4a5560";
}

}  // namespace circuitd
