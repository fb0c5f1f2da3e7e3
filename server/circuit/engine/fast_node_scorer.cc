#include "server/circuit/engine/fast_node_scorer.h"

#include <set>
#include <utility>

#include "base/status.h"
#include "server/circuit/engine/prompt_chunks.h"
#include "server/circuit/engine/unablated_means.h"
#include "server/circuit/node_score.h"
#include "server/model/prompt_length.h"
#include "server/model/torch_border.h"

namespace circuitd {

FastNodeScorer::FastNodeScorer(const Gpt2& network, const PromptPairs& pairs, const NodePruningOptions& options,
                               const Checkpoint& checkpoint)
    : network_(network), options_(options), checkpoint_(checkpoint) {
  for (const PromptPair& pair : pairs) {
    clean_prompts_.push_back(pair.clean);
    corrupted_prompts_.push_back(pair.corrupted);
    answers_.push_back({pair.correct, pair.incorrect});
  }
}

absl::StatusOr<std::unique_ptr<FastNodeScorer>> FastNodeScorer::Create(const Gpt2& network, const PromptPairs& pairs,
                                                                       const NodePruningOptions& options,
                                                                       const Checkpoint& checkpoint) {
  auto scorer = std::unique_ptr<FastNodeScorer>(new FastNodeScorer(network, pairs, options, checkpoint));
  RETURN_IF_ERROR(scorer->Prepare());
  ASSIGN_OR_RETURN(scorer->full_logit_diff_, scorer->LogitDiff(AllNodes(network.config()), std::nullopt));
  RETURN_IF_ERROR(CheckFullLogitDiff(scorer->full_logit_diff_));
  return scorer;
}

absl::StatusOr<double> FastNodeScorer::Score(const NodeSet& circuit) {
  ASSIGN_OR_RETURN(const double logit_diff, LogitDiff(circuit, std::nullopt));
  return ScoreOf(logit_diff, full_logit_diff_);
}

absl::StatusOr<double> FastNodeScorer::ScoreWithout(const NodeSet& circuit, const Node& node) {
  ASSIGN_OR_RETURN(const double logit_diff, LogitDiff(circuit, node));
  return ScoreOf(logit_diff, full_logit_diff_);
}

bool FastNodeScorer::Shrink() {
  if (plan_.chunk_tokens <= static_cast<int64_t>(LongestPrompt(clean_prompts_))) return false;
  ++shrink_;
  return true;
}

absl::Status FastNodeScorer::Prepare() {
  absl::Status status = TryPrepare();
  while (absl::IsResourceExhausted(status) && Shrink()) status = TryPrepare();
  return status;
}

absl::Status FastNodeScorer::TryPrepare() {
  return InTorch([&]() -> absl::Status {
    const ModelConfig& config = network_.config();
    const EngineLoad load = EngineLoadOf(network_, clean_prompts_, options_.means);
    plan_ = PlanEngine(config, load, options_.memory_budget_bytes, shrink_);
    const auto clean_chunks = SplitIntoChunks(clean_prompts_, plan_.chunk_tokens);
    const auto corrupted_chunks = SplitIntoChunks(corrupted_prompts_, plan_.chunk_tokens);

    // What is there from an earlier try goes first: there was too much of it.
    mlp_means_.reset();
    clean_.clear();
    corrupted_.clear();
    answer_directions_.clear();
    weights_.emplace(network_, load.longest, plan_.packing_bytes);
    corrupted_ = MakeChunks(corrupted_chunks, corrupted_prompts_, /*corrupted=*/true, plan_.keeps);
    clean_ = MakeChunks(clean_chunks, clean_prompts_, /*corrupted=*/false, plan_.keeps);
    for (const std::vector<size_t>& chunk : clean_chunks) answer_directions_.push_back(AnswerDirections(chunk));
    ASSIGN_OR_RETURN(UnablatedMeans means,
                     TakeUnablatedMeans(network_, *weights_, corrupted_, load.longest, checkpoint_));
    weights_->SetZMeans(std::move(means.z));
    if (options_.means == MlpMeans::kSeqcont) {
      mlp_means_ = std::make_unique<SeqcontMlpMeans>(network_, corrupted_, load.longest, means.mlp_out);
    } else {
      mlp_means_ = std::make_unique<CleanMlpMeans>(std::move(means.mlp_out));
      corrupted_.clear();
    }
    return absl::OkStatus();
  });
}

std::vector<ChunkRun> FastNodeScorer::MakeChunks(const std::vector<std::vector<size_t>>& chunks,
                                                 const std::vector<std::vector<int>>& prompts, bool corrupted,
                                                 const Keeps& keeps) {
  // Of the corrupted prompts' means those are read that are at a clean prompt's last position.
  std::optional<std::set<int64_t>> read_positions;
  if (corrupted) {
    read_positions.emplace();
    for (const std::vector<int>& prompt : clean_prompts_) read_positions->insert(prompt.size() - 1);
  }
  std::vector<ChunkRun> runs;
  for (const std::vector<size_t>& chunk : chunks) {
    std::vector<std::vector<int>> of_chunk;
    for (const size_t index : chunk) of_chunk.push_back(prompts[index]);
    runs.emplace_back(network_, *weights_, MakePromptRows(of_chunk, read_positions, network_.device()), keeps,
                      checkpoint_);
  }
  return runs;
}

at::Tensor FastNodeScorer::AnswerDirections(const std::vector<size_t>& prompts) const {
  const at::Tensor& unembed = network_.weights().unembed;  // [d_vocab, d_model]
  const auto mean = [&](const std::vector<int>& tokens) {
    return unembed.index_select(0, at::tensor(tokens, at::kLong).to(unembed.device())).mean(0);
  };
  std::vector<at::Tensor> directions;
  for (const size_t index : prompts)
    directions.push_back(mean(answers_[index].correct) - mean(answers_[index].incorrect));
  return at::stack(directions);
}

absl::StatusOr<double> FastNodeScorer::LogitDiff(const NodeSet& circuit, std::optional<Node> node) {
  while (true) {
    absl::StatusOr<double> logit_diff = TryLogitDiff(circuit, node);
    if (!absl::IsResourceExhausted(logit_diff.status()) || !Shrink()) return logit_diff;
    RETURN_IF_ERROR(Prepare());
  }
}

absl::StatusOr<double> FastNodeScorer::TryLogitDiff(const NodeSet& circuit, std::optional<Node> node) {
  return InTorch([&]() -> absl::StatusOr<double> {
    const ModelConfig& config = network_.config();
    const CircuitLayers whole(config, circuit);
    NodeSet candidate_nodes = circuit;
    if (node) candidate_nodes.erase(*node);
    const CircuitLayers layers(config, candidate_nodes);
    ASSIGN_OR_RETURN(MlpMeanTensors means, mlp_means_->Means(whole, node, layers));
    const AblatedCircuit with_node{whole, means}, candidate{layers, std::move(means)};

    at::Tensor sum = at::zeros({}, at::TensorOptions(network_.device()).dtype(at::kDouble));
    for (size_t i = 0; i < clean_.size(); ++i) {
      ChunkRun& chunk = clean_[i];
      Stream stream;
      if (node) {
        std::optional<int> without_head;
        if (node->is_head()) without_head = node->head;
        ASSIGN_OR_RETURN(const MidStream mid, chunk.Mid(with_node, node->layer, without_head));
        ASSIGN_OR_RETURN(stream, chunk.GoOn(candidate, chunk.AfterMlp(candidate, node->layer, mid), node->layer + 1,
                                            config.n_layers));
      } else {
        ASSIGN_OR_RETURN(stream, chunk.Before(candidate, config.n_layers));
      }
      const at::Tensor normalized = network_.LnFinal(stream.x);  // [final rows, d_model]
      const at::Tensor last = normalized.index_select(0, chunk.rows().final_of_prompt);
      sum.add_((last * answer_directions_[i]).sum(at::kDouble));
    }
    return sum.item<double>() / static_cast<double>(clean_prompts_.size());
  });
}

}  // namespace circuitd
