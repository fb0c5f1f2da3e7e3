// QK scores: which members of a sequence heads would look for when they stand at one.
#include <limits>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/layer_parts.h"
#include "server/model/logit_readout.h"
#include "server/model/torch_border.h"
#include "server/readings/extended_embedding.h"
#include "server/readings/head_circuits.h"

namespace circuitd {
namespace {

// The members that stand at one of the positions: indices into request.sequence, ascending.
absl::StatusOr<std::vector<size_t>> FoundMembers(const HeadCircuitRequest& request) {
  ASSIGN_OR_RETURN(const auto positions, SelectPositionsOfAll(request.positions, request.prompts, request.roles));
  std::unordered_set<int> tokens;
  for (size_t i = 0; i < positions.size(); ++i) {
    for (const int position : positions[i]) tokens.insert(request.prompts[i][position]);
  }
  std::vector<size_t> members;
  for (size_t k = 0; k < request.sequence.size(); ++k) {
    if (tokens.count(request.sequence[k]) > 0) members.push_back(k);
  }
  return members;
}

class QkScoring {
 public:
  // `found` are indices into the request's sequence.
  QkScoring(const Gpt2& network, const HeadCircuitRequest& request, const std::vector<size_t>& found)
      : network_(network), request_(request), found_(found) {
    for (size_t slot = 0; slot < found.size(); ++slot) slots_[request.sequence[found[slot]]] = slot;
    const auto options = network.weights().embed.options().dtype(at::kDouble);
    sums_ = at::zeros({static_cast<int64_t>(found.size()), network.config().d_model}, options);
    counts_ = at::zeros({static_cast<int64_t>(found.size()), 1}, options);
  }

  // Adds up what members are in a micro-batch; without effect when it fails.
  absl::Status Run(MicroBatch batch) {
    ASSIGN_OR_RETURN(const auto selected, PositionsIn(request_.positions, request_.prompts, request_.roles, batch));
    std::vector<PromptPosition> positions;
    std::vector<int64_t> slots;
    for (const PromptPosition& at : selected) {
      const auto slot = slots_.find(request_.prompts[at.prompt][at.position]);
      if (slot == slots_.end()) continue;
      positions.push_back(at);
      slots.push_back(slot->second);
    }
    if (positions.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(const at::Tensor rows, ExtendedEmbedding(network_, request_.prompts, batch, positions));
    const at::Tensor index = at::tensor(slots, at::kLong).to(network_.device());
    const at::Tensor wide = rows.to(at::kDouble);  // [positions, d_model]
    at::Tensor sums = sums_.index_add(0, index, wide);
    counts_ = counts_.index_add(0, index, at::ones({wide.size(0), 1}, wide.options()));
    sums_ = std::move(sums);
    return absl::OkStatus();
  }

  absl::StatusOr<QkScores> Scores(const Checkpoint& checkpoint) const {
    const ModelConfig& config = network_.config();
    const int64_t members = found_.size();
    const at::Tensor means = (sums_ / counts_).to(network_.dtype());  // [members, d_model]
    QkScores result;
    for (const size_t member : found_) result.members.push_back(request_.sequence[member]);
    result.scores.shape = {config.n_layers, config.n_heads, members, members};
    result.scores.data.reserve(config.n_layers * config.n_heads * members * members * sizeof(float));
    for (int layer = 0; layer < config.n_layers; ++layer) {
      if (checkpoint) RETURN_IF_ERROR(checkpoint());
      const at::Tensor scores = LayerScores(layer, means);  // [n_heads, query, key]
      if (!scores.isfinite().all().item<bool>()) {
        return absl::FailedPreconditionError(
            absl::StrCat("layer ", layer, ": q . k of the sequence's members are not finite"));
      }
      result.scores.data += ToHost(scores).data;
      AddShares(scores.argmax(-1).cpu(), result);
    }
    return result;
  }

 private:
  // means [members, d_model] -> q . k as attention scales it [n_heads, query, key] float32.
  at::Tensor LayerScores(int layer, const at::Tensor& means) const {
    const ModelConfig& config = network_.config();
    const BlockWeights& w = network_.weights().blocks[layer];
    const auto qk = at::addmm(w.attn_bias.narrow(0, 0, 2 * config.d_model), Ln1(network_, layer, means),
                              w.attn_weight.narrow(1, 0, 2 * config.d_model))
                        .view({-1, 2, config.n_heads, config.d_head})
                        .permute({1, 2, 0, 3});  // [q | k, n_heads, members, d_head]
    return at::matmul(qk[0] * AttentionScale(config, layer), qk[1].transpose(1, 2)).to(at::kFloat);
  }

  // highest [n_heads, query]: the key of each query's highest score.
  void AddShares(const at::Tensor& highest, QkScores& result) const {
    for (int64_t head = 0; head < highest.size(0); ++head) {
      const at::Tensor row = highest[head].contiguous();
      const int64_t* key = row.data_ptr<int64_t>();
      double same = 0, previous = 0, predecessors = 0;
      for (size_t query = 0; query < found_.size(); ++query) {
        same += key[query] == static_cast<int64_t>(query);
        if (query == 0 || found_[query - 1] + 1 != found_[query]) continue;
        predecessors += 1;
        previous += key[query] == static_cast<int64_t>(query) - 1;
      }
      result.same.push_back(same / static_cast<double>(found_.size()));
      result.previous.push_back(predecessors == 0 ? std::numeric_limits<double>::quiet_NaN() : previous / predecessors);
    }
  }

  const Gpt2& network_;
  const HeadCircuitRequest& request_;
  const std::vector<size_t>& found_;
  std::unordered_map<int, int64_t> slots_;  // a found member's token -> its row
  at::Tensor sums_;                         // [members, d_model] float64
  at::Tensor counts_;                       // [members, 1] float64
};

}  // namespace

absl::StatusOr<QkScores> ScoreQk(const Model& model, const HeadCircuitRequest& request, const ForwardOptions& options) {
  const Gpt2& network = model.network();
  ASSIGN_OR_RETURN(const std::vector<size_t> found, FoundMembers(request));
  if (found.size() < 2) {
    return FieldError(absl::StatusCode::kFailedPrecondition, "sequence",
                      absl::StrCat(found.size(), " of its members stand at the positions, at least 2 are needed"));
  }
  return InTorch([&]() -> absl::StatusOr<QkScores> {
    QkScoring scoring(network, request, found);
    const auto batches = SplitIntoMicroBatches(model.config(), request.prompts,
                                               ExtendedEmbeddingLimits(network, options.memory_budget_bytes));
    RETURN_IF_ERROR(ForEachMicroBatch(batches, options.checkpoint,
                                      [&](MicroBatch batch) { return InTorch([&] { return scoring.Run(batch); }); }));
    return scoring.Scores(options.checkpoint);
  });
}

}  // namespace circuitd
