// Scores along decisions that are given: so that models whose scores mean nothing are timed on a real circuit's path.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/circuit/node_scorer.h"
#include "server/model/config.h"

namespace circuitd {

// "numerals": the circuit that Lan, Torr and Barez (arXiv 2311.04131) published for numerals in GPT-2 small, its layers
// and heads spread over those of `config`; or nodes with commas between them: "A7.11,M9". INVALID_ARGUMENT for a node
// that the model does not have.
absl::StatusOr<NodeSet> KeptNodes(const ModelConfig& config, absl::string_view nodes);

// One candidate's score, and what it took.
struct ScoredCandidate {
  int index = 0;  // among all candidates of the run
  double score = 0;
  double cpu_seconds = 0, wall_seconds = 0;
};

// Asks `engine`, which outlives it, and records what it answers. With `kept`, callers are told what makes them remove
// exactly the nodes outside of it, at any threshold in (0, 100]; and only about `sample` candidates are asked about (0:
// all), four neighbours at a time, spread evenly over a backward and a forward sweep. Without, callers get the engine's
// scores.
class ForcedScorer : public NodeScorer {
 public:
  ForcedScorer(NodeScorer& engine, const ModelConfig& config, std::optional<NodeSet> kept, int sample);

  double full_logit_diff() const override { return engine_.full_logit_diff(); }
  absl::StatusOr<double> Score(const NodeSet& circuit) override;  // neither recorded nor forced
  absl::StatusOr<double> ScoreWithout(const NodeSet& circuit, const Node& node) override;

  const std::vector<ScoredCandidate>& scored() const { return scored_; }

 private:
  bool IsSampled(int64_t index) const;

  NodeScorer& engine_;
  const std::optional<NodeSet> kept_;
  const int sample_;
  int64_t path_length_ = 0;  // candidates of a backward and a forward sweep, with `kept`
  int64_t next_index_ = 0;
  std::vector<ScoredCandidate> scored_;
};

}  // namespace circuitd
