// Checks of complete node pruning runs on seqcont-4l and the published prompts.
#pragma once

#include <string>

namespace circuitd {

// Fails the current test unless pruning reproduces ../shared/golden/node_pruning_`name`.json.
void CheckSharedPruning(const std::string& name);

}  // namespace circuitd
