#include "bench/forced_scorer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "bench/measure.h"

namespace circuitd {
namespace {

// All but M5 of GPT-2 small's MLPs, and these heads.
constexpr int kPublishedLayers = 12, kPublishedHeads = 12, kPublishedMissingMlp = 5;
constexpr std::pair<int, int> kPublishedNumerals[] = {{0, 1},  {1, 5},  {4, 4}, {4, 10}, {5, 0}, {6, 1}, {6, 6},
                                                      {6, 10}, {7, 11}, {8, 1}, {8, 6},  {8, 8}, {8, 9}, {9, 1}};

// Candidates that follow each other: what they share is part of what one costs.
constexpr int kNeighbours = 4;

NodeSet SpreadNumerals(const ModelConfig& config) {
  NodeSet kept;
  for (const auto& [layer, head] : kPublishedNumerals) {
    kept.insert(Node::Head(layer * config.n_layers / kPublishedLayers, head * config.n_heads / kPublishedHeads));
  }
  for (int layer = 0; layer < config.n_layers; ++layer) {
    if (layer * kPublishedLayers / config.n_layers != kPublishedMissingMlp) kept.insert(Node::Mlp(layer));
  }
  return kept;
}

}  // namespace

absl::StatusOr<NodeSet> KeptNodes(const ModelConfig& config, absl::string_view nodes) {
  if (nodes == "numerals") return SpreadNumerals(config);
  const NodeSet all = AllNodes(config);
  NodeSet kept;
  for (const absl::string_view name : absl::StrSplit(nodes, ',')) {
    const auto node = std::find_if(all.begin(), all.end(), [&](const Node& n) { return NodeName(n) == name; });
    if (node == all.end()) return absl::InvalidArgumentError(absl::StrCat("the model has no node ", name));
    kept.insert(*node);
  }
  return kept;
}

ForcedScorer::ForcedScorer(NodeScorer& engine, const ModelConfig& config, std::optional<NodeSet> kept, int sample)
    : engine_(engine), kept_(std::move(kept)), sample_(sample) {
  if (kept_) path_length_ = static_cast<int64_t>(AllNodes(config).size() + kept_->size());
}

bool ForcedScorer::IsSampled(int64_t index) const {
  if (!kept_ || sample_ == 0 || sample_ >= path_length_) return true;
  const int64_t groups = (sample_ + kNeighbours - 1) / kNeighbours;
  const int64_t place = index * groups % path_length_ / groups;  // among those of its group's part of the path
  const int64_t begin = path_length_ / groups / 2;               // the group is in its middle
  return place >= begin && place < begin + sample_ / groups;
}

absl::StatusOr<double> ForcedScorer::Score(const NodeSet& circuit) { return engine_.Score(circuit); }

absl::StatusOr<double> ForcedScorer::ScoreWithout(const NodeSet& circuit, const Node& node) {
  const int64_t index = next_index_++;
  double answer = 0;
  if (IsSampled(index)) {
    const Stopwatch watch;
    ASSIGN_OR_RETURN(answer, engine_.ScoreWithout(circuit, node));
    scored_.push_back({static_cast<int>(index), answer, watch.cpu_seconds(), watch.wall_seconds()});
  }
  if (!kept_) return answer;
  return kept_->contains(node) ? 0 : 100;
}

}  // namespace circuitd
