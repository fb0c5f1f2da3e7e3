#include "server/circuit/engine/fast_node_scorer.h"

#include <set>
#include <utility>

#include "base/status.h"
#include "server/circuit/engine/logit_diff_sum.h"
#include "server/circuit/engine/mlp_mean_run.h"
#include "server/circuit/engine/prompt_chunks.h"
#include "server/circuit/engine/unablated_means.h"
#include "server/circuit/node_score.h"
#include "server/model/torch_border.h"

namespace circuitd {
namespace {

std::optional<int> HeadOf(const Node& node) { return node.is_head() ? std::optional<int>(node.head) : std::nullopt; }

}  // namespace

FastNodeScorer::FastNodeScorer(const Gpt2& network, const PromptPairs& pairs, const NodePruningOptions& options,
                               const Checkpoint& checkpoint)
    : network_(network),
      options_(options),
      checkpoint_(checkpoint),
      pairs_(pairs),
      load_(EngineLoadOf(network, pairs, options)) {}

absl::StatusOr<std::unique_ptr<FastNodeScorer>> FastNodeScorer::Create(const Gpt2& network, const PromptPairs& pairs,
                                                                       const NodePruningOptions& options,
                                                                       const Checkpoint& checkpoint) {
  auto scorer = std::unique_ptr<FastNodeScorer>(new FastNodeScorer(network, pairs, options, checkpoint));
  ASSIGN_OR_RETURN(scorer->full_logit_diff_, scorer->LogitDiff(AllNodes(network.config()), std::nullopt));
  RETURN_IF_ERROR(CheckFullLogitDiff(scorer->full_logit_diff_));
  return scorer;
}

absl::StatusOr<double> FastNodeScorer::Score(const NodeSet& circuit) {
  ASSIGN_OR_RETURN(const double logit_diff, LogitDiff(circuit, std::nullopt));
  return ScoreOf(logit_diff, full_logit_diff_);
}

absl::StatusOr<double> FastNodeScorer::ScoreWithout(const NodeSet& circuit, const Node& node) {
  if (!circuit.contains(node)) return Score(circuit);
  ASSIGN_OR_RETURN(const double logit_diff, LogitDiff(circuit, node));
  return ScoreOf(logit_diff, full_logit_diff_);
}

bool FastNodeScorer::Shrink() {
  if (!CanShrink(load_, plan_)) return false;
  ++shrink_;
  return true;
}

absl::Status FastNodeScorer::Prepare() {
  absl::Status status = TryPrepare();
  while (absl::IsResourceExhausted(status) && Shrink()) status = TryPrepare();
  return status;
}

absl::Status FastNodeScorer::TryPrepare() {
  prepared_ = false;
  return InTorch([&]() -> absl::Status {
    // What is there from an earlier try goes first: there was too much of it.
    seqcont_means_.reset();
    unablated_means_.clear();
    clean_.clear();
    corrupted_.clear();
    shared_.clear();
    answer_directions_.clear();
    weights_.reset();

    plan_ = PlanEngine(network_.config(), load_, options_.memory_budget_bytes, shrink_);
    weights_.emplace(network_, load_.longest, plan_.copy_bytes, plan_.pack_candidates);
    MakeChunks();
    ASSIGN_OR_RETURN(UnablatedMeans means,
                     TakeUnablatedMeans(network_, *weights_, corrupted_, load_.longest, checkpoint_));
    weights_->SetZMeans(std::move(means.z));
    if (options_.means == MlpMeans::kSeqcont) {
      seqcont_means_ =
          std::make_unique<SeqcontMlpMeans>(network_, corrupted_, load_.longest, means.mlp_out, checkpoint_);
    } else {
      unablated_means_ = std::move(means.mlp_out);
      corrupted_.clear();
    }
    prepared_ = true;
    return absl::OkStatus();
  });
}

void FastNodeScorer::MakeChunks() {
  // Of the corrupted prompts' means, those are read above all attention that are at a clean prompt's last position.
  std::set<int64_t> last_positions;
  for (const PromptPair& pair : pairs_) last_positions.insert(static_cast<int64_t>(pair.clean.size()) - 1);

  bool share = false;
  for (const std::vector<size_t>& chunk : SplitIntoChunks(pairs_, plan_.chunk_tokens)) {
    std::vector<ReadPrompt> clean, corrupted;
    std::vector<at::Tensor> directions;
    for (const size_t index : chunk) {
      const PromptPair& pair = pairs_[index];
      const auto length = static_cast<int64_t>(pair.clean.size());
      clean.push_back({pair.clean, {length - 1}});
      corrupted.push_back({pair.corrupted, {last_positions.begin(), last_positions.lower_bound(length)}});
      directions.push_back(AnswerDirection(network_, pair));
    }
    answer_directions_.push_back(at::stack(directions));
    const at::Device device = network_.device();
    clean_.emplace_back(network_, *weights_, MakePromptRows(clean, device), plan_.keeps, checkpoint_);
    corrupted_.emplace_back(network_, *weights_, MakePromptRows(corrupted, device), plan_.keeps, checkpoint_);
    if (options_.means != MlpMeans::kSeqcont) continue;
    shared_.emplace_back(network_, *weights_, clean, corrupted, clean_.back().rows(), corrupted_.back().rows(),
                         plan_.keeps, checkpoint_);
    share |= shared_.back().both().rows().rows < clean_.back().rows().rows + corrupted_.back().rows().rows;
  }
  if (!share) shared_.clear();
}

absl::StatusOr<double> FastNodeScorer::LogitDiff(const NodeSet& circuit, std::optional<Node> node) {
  while (true) {
    if (!prepared_) RETURN_IF_ERROR(Prepare());
    absl::StatusOr<double> logit_diff = TryLogitDiff(circuit, node);
    if (!absl::IsResourceExhausted(logit_diff.status()) || !Shrink()) return logit_diff;
    prepared_ = false;
  }
}

absl::StatusOr<double> FastNodeScorer::TryLogitDiff(const NodeSet& circuit, std::optional<Node> node) {
  return InTorch([&]() -> absl::StatusOr<double> {
    const CircuitLayers layers(network_.config(), circuit);
    if (!node) return CircuitLogitDiff(layers);
    return CandidateLogitDiff(layers, *node, CircuitLayers(network_.config(), Without(circuit, *node)));
  });
}

absl::StatusOr<double> FastNodeScorer::CircuitLogitDiff(const CircuitLayers& circuit) {
  SetShared(false);
  ASSIGN_OR_RETURN(MlpMeanTensors means, Means(circuit, std::nullopt, circuit));
  const AblatedCircuit ablated{circuit, std::move(means)};
  LogitDiffSum sum(network_);
  for (size_t i = 0; i < clean_.size(); ++i) {
    ASSIGN_OR_RETURN(const Stream stream, clean_[i].Before(ablated, circuit.n_layers()));
    sum.Add(stream.x, clean_[i].rows(), answer_directions_[i]);
  }
  return sum.Get() / static_cast<double>(pairs_.size());
}

absl::StatusOr<double> FastNodeScorer::CandidateLogitDiff(const CircuitLayers& circuit, Node node,
                                                          const CircuitLayers& candidate) {
  SetShared(RunsShare(circuit, node, candidate));
  std::vector<MidStream> mids;
  int layer = node.layer;
  if (is_shared_) {
    ASSIGN_OR_RETURN(layer, RunShared(circuit, node, candidate, mids));
  }
  ASSIGN_OR_RETURN(const MlpMeanTensors means, Means(circuit, node, candidate));
  const AblatedCircuit with_node{circuit, means}, ablated{candidate, means};
  LogitDiffSum sum(network_);
  for (size_t i = 0; i < clean_.size(); ++i) {
    MidStream mid;
    if (is_shared_) {
      mid = std::exchange(mids[i], {});
    } else {
      ASSIGN_OR_RETURN(mid, clean_[i].Mid(with_node, layer, HeadOf(node)));
    }
    ASSIGN_OR_RETURN(Stream after, clean_[i].AfterMlp(ablated, layer, mid));
    ASSIGN_OR_RETURN(const Stream stream, clean_[i].GoOn(ablated, std::move(after), layer + 1, candidate.n_layers()));
    sum.Add(stream.x, clean_[i].rows(), answer_directions_[i]);
  }
  return sum.Get() / static_cast<double>(pairs_.size());
}

absl::StatusOr<int> FastNodeScorer::RunShared(const CircuitLayers& circuit, Node node, const CircuitLayers& candidate,
                                              std::vector<MidStream>& clean) {
  const int parting = candidate.AblatedMlps(0).front();
  const std::vector<int> unknown = seqcont_means_->Unknown(circuit, candidate);
  std::optional<MlpMeanRun> means;
  if (!unknown.empty()) means.emplace(network_, candidate, unknown, load_.longest);
  // No MLP is ablated below where they part.
  const AblatedCircuit with_node{circuit.WithAllMlps(), {}}, without_node{candidate.WithAllMlps(), {}};
  for (size_t i = 0; i < shared_.size(); ++i) {
    ChunkRun& both = shared_[i].both();
    ASSIGN_OR_RETURN(MidStream mid, both.Mid(with_node, node.layer, HeadOf(node)));
    for (int layer = node.layer; layer < parting; ++layer) {
      ASSIGN_OR_RETURN(const Stream after, both.AfterMlp(without_node, layer, mid));
      ASSIGN_OR_RETURN(mid, both.Attend(candidate, layer + 1, after));
    }
    clean.push_back(shared_[i].Clean(mid));
    if (means) RETURN_IF_ERROR(means->Run(corrupted_[i], parting, shared_[i].Corrupted(mid)));
  }
  if (means) {
    ASSIGN_OR_RETURN(const auto of_layers, means->Means(checkpoint_));
    seqcont_means_->Learn(candidate, of_layers);
  }
  return parting;
}

bool FastNodeScorer::RunsShare(const CircuitLayers& circuit, Node node, const CircuitLayers& candidate) const {
  return !shared_.empty() && !circuit.AblatedMlps(0).empty() && node.layer <= candidate.AblatedMlps(0).front();
}

absl::StatusOr<MlpMeanTensors> FastNodeScorer::Means(const CircuitLayers& circuit, std::optional<Node> node,
                                                     const CircuitLayers& candidate) {
  if (seqcont_means_) return seqcont_means_->Means(circuit, node, candidate);
  return unablated_means_;
}

void FastNodeScorer::SetShared(bool is_shared) {
  if (is_shared == is_shared_) return;
  is_shared_ = is_shared;
  for (ChunkRun& chunk : clean_) chunk.Forget();
  for (ChunkRun& chunk : corrupted_) chunk.Forget();
  for (SharedRun& chunk : shared_) chunk.both().Forget();
}

}  // namespace circuitd
