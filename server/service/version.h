// The version that the build's project() names.
#pragma once

namespace circuitd {

extern const char kVersion[];  // "0.1.0"

}  // namespace circuitd
