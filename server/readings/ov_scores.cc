// OV scores: which tokens heads write when they read a token.
#include <algorithm>
#include <limits>
#include <unordered_map>
#include <utility>

#include "base/status.h"
#include "server/model/torch_border.h"
#include "server/readings/extended_embedding.h"
#include "server/readings/head_circuits.h"
#include "server/readings/ov_circuit.h"

namespace circuitd {
namespace {

// Whether each target is among the top k of its row: logits [rows, d_vocab] float32, targets [rows] -> [rows] bool.
at::Tensor IsAmongTop(const at::Tensor& logits, const at::Tensor& targets, int top_k) {
  const at::Tensor ids = targets.unsqueeze(-1);   // [rows, 1]
  const at::Tensor own = logits.gather(-1, ids);  // [rows, 1]
  const at::Tensor all_ids = at::arange(logits.size(-1), ids.options());
  const at::Tensor ahead = (logits > own).logical_or_((logits == own).logical_and_(all_ids < ids));
  return ahead.sum(-1) < top_k;
}

class OvScoring {
 public:
  OvScoring(const Gpt2& network, const HeadCircuitRequest& request, const ForwardOptions& options)
      : network_(network),
        request_(request),
        checkpoint_(options.checkpoint),
        rows_at_once_(OvRowsAtOnce(network, options.memory_budget_bytes)),
        heads_(network.config().n_heads),
        copy_hits_(network.config().n_layers * network.config().n_heads),
        next_hits_(copy_hits_.size()) {
    for (size_t k = 0; k + 1 < request.sequence.size(); ++k) next_[request.sequence[k]] = request.sequence[k + 1];
  }

  // Runs a micro-batch and keeps what heads read; without effect when it fails.
  absl::Status Run(MicroBatch batch) {
    ASSIGN_OR_RETURN(auto positions, PositionsIn(request_.positions, request_.prompts, request_.roles, batch));
    ASSIGN_OR_RETURN(read_, ExtendedEmbedding(network_, request_.prompts, batch, positions));
    positions_ = std::move(positions);
    return absl::OkStatus();
  }

  // Scores what the last Run kept.
  absl::Status Score() {
    const int64_t positions_at_once = std::max<int64_t>(1, rows_at_once_ / heads_);
    const int64_t count = positions_.size();
    for (int64_t begin = 0; begin < count; begin += positions_at_once) {
      RETURN_IF_ERROR(ScoreBlock(begin, std::min(count, begin + positions_at_once)));
    }
    return absl::OkStatus();
  }

  OvScores Result() const {
    OvScores scores;
    scores.position_count = position_count_;
    scores.member_count = member_count_;
    const auto share = [](int64_t hits, uint64_t of) {
      return of == 0 ? std::numeric_limits<double>::quiet_NaN() : static_cast<double>(hits) / static_cast<double>(of);
    };
    for (const int64_t hits : copy_hits_) scores.copy.push_back(share(hits, position_count_));
    for (const int64_t hits : next_hits_) scores.next.push_back(share(hits, member_count_));
    return scores;
  }

 private:
  // What a block of positions should bring forth, one row for each position and head.
  struct Targets {
    at::Tensor copy, next;  // token ids; `next` is 0 where there is none
    at::Tensor has_next;    // bool
    std::vector<size_t> prompts;
  };

  Targets TargetsOf(int64_t begin, int64_t end) const {
    const int64_t rows = (end - begin) * heads_;
    Targets targets{at::empty({rows}, at::kLong), at::zeros({rows}, at::kLong), at::zeros({rows}, at::kBool), {}};
    for (int64_t row = 0; row < rows; ++row) {
      const PromptPosition& at = positions_[begin + row / heads_];
      const int token = request_.prompts[at.prompt][at.position];
      targets.copy.data_ptr<int64_t>()[row] = token;
      if (const auto next = next_.find(token); next != next_.end()) {
        targets.next.data_ptr<int64_t>()[row] = next->second;
        targets.has_next.data_ptr<bool>()[row] = true;
      }
      targets.prompts.push_back(at.prompt);
    }
    targets.copy = targets.copy.to(network_.device());
    targets.next = targets.next.to(network_.device());
    targets.has_next = targets.has_next.to(network_.device());
    return targets;
  }

  // Positions [begin, end), all layers.
  absl::Status ScoreBlock(int64_t begin, int64_t end) {
    const Targets targets = TargetsOf(begin, end);
    for (int layer = 0; layer < network_.config().n_layers; ++layer) {
      // [rows, d_model]
      const at::Tensor written = OvWritten(network_, layer, read_.narrow(0, begin, end - begin)).flatten(0, 1);
      std::vector<at::Tensor> copies, nexts;  // [rows] bool
      for (int64_t row = 0; row < written.size(0); row += rows_at_once_) {
        if (checkpoint_) RETURN_IF_ERROR(checkpoint_());
        const int64_t rows = std::min(rows_at_once_, written.size(0) - row);
        ASSIGN_OR_RETURN(const at::Tensor logits, OvLogits(network_, written.narrow(0, row, rows),
                                                           absl::MakeConstSpan(targets.prompts).subspan(row, rows)));
        copies.push_back(IsAmongTop(logits, targets.copy.narrow(0, row, rows), request_.top_k));
        nexts.push_back(IsAmongTop(logits, targets.next.narrow(0, row, rows), request_.top_k));
      }
      AddHits(layer, at::cat(copies), copy_hits_);
      AddHits(layer, at::cat(nexts).logical_and_(targets.has_next), next_hits_);
    }
    position_count_ += end - begin;
    member_count_ += targets.has_next.sum().item<int64_t>() / heads_;
    return absl::OkStatus();
  }

  // among [positions * n_heads] bool
  void AddHits(int layer, const at::Tensor& among, std::vector<int64_t>& hits) const {
    const at::Tensor counts = among.view({-1, heads_}).sum(0).cpu();  // [n_heads]
    for (int64_t head = 0; head < heads_; ++head) hits[layer * heads_ + head] += counts.data_ptr<int64_t>()[head];
  }

  const Gpt2& network_;
  const HeadCircuitRequest& request_;
  const Checkpoint& checkpoint_;
  const int64_t rows_at_once_;
  const int64_t heads_;
  std::unordered_map<int, int> next_;           // a member -> the one after it
  std::vector<PromptPosition> positions_;       // of the last micro-batch
  at::Tensor read_;                             // [positions, d_model]
  std::vector<int64_t> copy_hits_, next_hits_;  // [n_layers, n_heads]
  uint64_t position_count_ = 0, member_count_ = 0;
};

}  // namespace

absl::StatusOr<OvScores> ScoreOv(const Model& model, const HeadCircuitRequest& request, const ForwardOptions& options) {
  const Gpt2& network = model.network();
  OvScoring scoring(network, request, options);
  const auto batches = SplitIntoMicroBatches(model.config(), request.prompts,
                                             ExtendedEmbeddingLimits(network, options.memory_budget_bytes));
  RETURN_IF_ERROR(ForEachMicroBatch(
      batches, options.checkpoint, [&](MicroBatch batch) { return InTorch([&] { return scoring.Run(batch); }); },
      [&](MicroBatch) { return InTorch([&] { return scoring.Score(); }); }));
  return scoring.Result();
}

}  // namespace circuitd
