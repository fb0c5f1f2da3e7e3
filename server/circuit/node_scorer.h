// What node pruning asks of an engine: the score of a circuit.
#pragma once

#include "absl/status/statusor.h"
#include "server/graph/node.h"

namespace circuitd {

class NodeScorer {
 public:
  virtual ~NodeScorer() = default;

  // The logit difference of the unablated model, finite and positive.
  virtual double full_logit_diff() const = 0;

  // 100 * mean over the clean prompts of (logit[correct] - logit[incorrect] at the last position) with every node
  // outside of `circuit` ablated, divided by full_logit_diff(). Always finite.
  virtual absl::StatusOr<double> Score(const NodeSet& circuit) = 0;

  // Score of `circuit` without `node`: a candidate of a sweep, whose neighbours an engine can tell.
  virtual absl::StatusOr<double> ScoreWithout(const NodeSet& circuit, const Node& node) {
    return Score(Without(circuit, node));
  }

  // Tells the score of `circuit` without `node` as an earlier run found it; of use to a scorer that remembers.
  virtual void Learn(const NodeSet& /*circuit*/, const Node& /*node*/, double /*score*/) {}
};

}  // namespace circuitd
