// Senders in forward order: embed; in each layer the heads, then the MLP.
#pragma once

#include <vector>

#include "server/model/config.h"
#include "server/patching/path_patching.h"

namespace circuitd {

// A sender's number in forward order, from 0.
int SenderRank(const ModelConfig& config, const PathNode& sender);
PathNode SenderOfRank(const ModelConfig& config, int rank);

// Senders that a receiver reads: those of lower rank than this.
int SendersBelow(const ModelConfig& config, const PathNode& receiver);

// The ranks of a validated request's senders, in its order; of a request without, those that `receiver` reads.
std::vector<int> SenderRanks(const ModelConfig& config, const PathPatchingRequest& request, const PathNode& receiver);

}  // namespace circuitd
