// Scores by lot: what circuits are compared with.
#include <random>

#include "server/circuit/attribution/attribution_methods.h"
#include "server/graph/edge_order.h"

namespace circuitd {

EdgeScores RandomScores(const ModelConfig& config, uint64_t seed) {
  // The standard fixes what the engine gives, though not what its distributions make of that.
  std::mt19937_64 random(seed);
  EdgeScores scores(config);
  for (int receiver = 0; receiver < ReceiverCount(config); ++receiver) {
    const int senders = SendersBelow(config, ReceiverOfRank(config, receiver));
    for (int sender = 0; sender < senders; ++sender) {
      scores.Set(receiver, sender, static_cast<double>(random() >> 11) * 0x1p-53);
    }
  }
  return scores;
}

}  // namespace circuitd
