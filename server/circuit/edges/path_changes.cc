#include "server/circuit/edges/path_changes.h"

#include <utility>
#include <vector>

#include "server/circuit/edges/edge_suffix.h"
#include "server/circuit/edges/masked_run.h"
#include "server/graph/edge_order.h"

namespace circuitd {
namespace {

// The changes that senders, each in a copy of its own, make on their way up through MLPs.
class Passing {
 public:
  Passing(const KeptRun& run, EdgeRows rows, absl::Span<const int> senders, at::Tensor alone)
      : run_(run), config_(run.network().config()), rows_(rows), senders_(senders), alone_(std::move(alone)) {}

  void PassMlp(int layer) {
    const int rank = SenderRank(config_, Node::Mlp(layer));
    std::vector<int64_t> copies;  // in which the MLP is above the sender
    for (size_t i = 0; i < senders_.size(); ++i) {
      if (senders_[i] < rank) copies.push_back(static_cast<int64_t>(i));
    }
    if (copies.empty()) return;
    const at::Tensor index = at::tensor(copies, at::kLong).to(alone_.device());
    const auto of_rows = [&](const at::Tensor& x) {
      return rows_ == EdgeRows::kLast && run_.RowsOf(layer) == EdgeRows::kTail ? run_.LastRows(x) : x;
    };
    const at::Tensor read = ReadBy(ReceiverRank(config_, Node::Mlp(layer)), rank).index_select(0, index);
    const at::Tensor out = MlpOut(run_.batch().setting.products, layer, of_rows(run_.mlp_in(layer)) + read);
    passed_.push_back({rank, at::zeros_like(alone_).index_copy_(0, index, out - of_rows(run_.MlpOut(layer)))});
  }

  // What a receiver reads more of senders below `end`: [copies, batch, rows, d_model].
  at::Tensor ReadBy(int receiver, int end) const {
    std::vector<float> reads;
    for (const int sender : senders_) reads.push_back(sender < end && run_.edges().Contains(receiver, sender) ? 1 : 0);
    at::Tensor sum =
        alone_ * at::tensor(reads, at::kFloat).to(alone_.device(), alone_.scalar_type()).view({-1, 1, 1, 1});
    for (const auto& [mlp, by] : passed_) {
      if (run_.edges().Contains(receiver, mlp)) sum = sum + by;
    }
    return sum;
  }

 private:
  const KeptRun& run_;
  const ModelConfig& config_;
  const EdgeRows rows_;
  const absl::Span<const int> senders_;
  const at::Tensor alone_;                          // what the senders' own outputs change by
  std::vector<std::pair<int, at::Tensor>> passed_;  // what MLPs' do, by rank
};

}  // namespace

at::Tensor PathChanges(const KeptRun& run, int receiver, absl::Span<const int> senders, PathFreeze freeze) {
  const ModelConfig& config = run.network().config();
  const Node node = ReceiverOfRank(config, receiver);
  const EdgeRows rows = EdgeSuffix::InputRows(config, node);
  const std::vector<int64_t> ranks(senders.begin(), senders.end());
  const at::Tensor index = at::tensor(ranks, at::kLong).to(run.network().device());
  at::Tensor alone = run.changes(rows).index_select(0, index).neg();
  if (freeze == PathFreeze::kAll) return alone;
  const int end = SendersBelow(config, node);
  Passing passing(run, rows, senders, std::move(alone));
  for (int layer = 0; layer < config.n_layers; ++layer) {
    const int mlp = SenderRank(config, Node::Mlp(layer));
    if (mlp < end && !run.batch().setting.IsFixed(mlp)) passing.PassMlp(layer);
  }
  return passing.ReadBy(receiver, end);
}

}  // namespace circuitd
