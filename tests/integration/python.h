// Debian's Python with the packages of deploy/install-deps.sh, and nothing of the user's.
#pragma once

#include <string>
#include <vector>

#include "tests/integration/server_process.h"

namespace circuitd {

// Runs Python with `arguments` to its end, in `folder`, which is its cache folder, too.
Finished RunPython(const std::string& folder, const std::vector<std::string>& arguments);

}  // namespace circuitd
