#include "server/circuit/engine/chunk_run.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/status.h"

namespace circuitd {

ChunkRun::ChunkRun(const Gpt2& network, EngineWeights& weights, PromptRows rows, Keeps keeps,
                   const Checkpoint& checkpoint)
    : network_(network), weights_(weights), rows_(std::move(rows)), keeps_(std::move(keeps)), checkpoint_(checkpoint) {}

absl::StatusOr<MidStream> ChunkRun::Attend(const CircuitLayers& circuit, int layer, const Stream& before) {
  if (checkpoint_) RETURN_IF_ERROR(checkpoint_());
  return MidStream{Layers().Attend(layer, circuit[layer].heads, before, !circuit.IsReadAbove(layer)).mid, {}};
}

absl::StatusOr<at::Tensor> ChunkRun::MlpPost(int layer, const MidStream& mid) {
  if (checkpoint_) RETURN_IF_ERROR(checkpoint_());
  if (mid.product.defined()) return weights_.Candidates(layer).Post(mid.stream.x, mid.product);
  return Layers().MlpPost(layer, mid.stream);
}

Stream ChunkRun::AddMlp(int layer, const MidStream& mid, const at::Tensor& post) {
  return Layers().AddMlp(layer, mid.stream, post);
}

absl::StatusOr<Stream> ChunkRun::AfterMlp(const AblatedCircuit& circuit, int layer, const MidStream& mid) {
  if (!circuit.layers[layer].mlp) return Layers().AddMean(mid.stream, circuit.mlp_means[layer]);
  ASSIGN_OR_RETURN(const at::Tensor post, MlpPost(layer, mid));
  return AddMlp(layer, mid, post);
}

absl::StatusOr<Stream> ChunkRun::GoOn(const AblatedCircuit& circuit, Stream before, int begin, int end) {
  for (int layer = begin; layer < end; ++layer) {
    ASSIGN_OR_RETURN(const MidStream mid, Attend(circuit.layers, layer, before));
    ASSIGN_OR_RETURN(before, AfterMlp(circuit, layer, mid));
  }
  return before;
}

absl::StatusOr<Stream> ChunkRun::Before(const AblatedCircuit& circuit, int layer) {
  int at = 0;
  std::optional<Stream> stream;
  for (const auto& [border_layer, border] : borders_) {
    if (border_layer > layer) break;
    if (!border.circuit.ServesBefore(border_layer, circuit.layers)) continue;
    at = border_layer;
    stream = border.stream;
  }
  if (start_ && start_->layer < layer && start_->layer >= at && StartServes(circuit.layers)) {
    Reduce(*start_, circuit.layers);
    at = start_->layer + 1;
    ASSIGN_OR_RETURN(stream, AfterMlp(circuit, start_->layer, start_->mid));
  }
  if (!stream) stream = Layers().Embed();
  while (true) {
    if (at > 0 && keeps_.borders.contains(at)) borders_.insert_or_assign(at, Border{circuit.layers, *stream});
    if (at == layer) return *std::move(stream);
    ASSIGN_OR_RETURN(stream, GoOn(circuit, *std::move(stream), at, at + 1));
    ++at;
  }
}

absl::StatusOr<MidStream> ChunkRun::Mid(const AblatedCircuit& circuit, int layer, std::optional<int> without_head) {
  if (start_ && start_->layer == layer && StartServes(circuit.layers)) {
    Reduce(*start_, circuit.layers);
    return without_head ? Without(*start_, *without_head) : start_->mid;
  }
  ASSIGN_OR_RETURN(Start start, MakeStart(circuit, layer));
  MidStream mid = without_head ? Without(start, *without_head) : start.mid;
  if (keeps_.start) start_ = std::move(start);
  return mid;
}

void ChunkRun::Forget() {
  borders_.clear();
  start_.reset();
}

absl::StatusOr<ChunkRun::Start> ChunkRun::MakeStart(const AblatedCircuit& circuit, int layer) {
  ASSIGN_OR_RETURN(const Stream before, Before(circuit, layer));
  if (checkpoint_) RETURN_IF_ERROR(checkpoint_());
  const std::vector<int64_t>& heads = circuit.layers[layer].heads;
  const bool final_only = !circuit.layers.IsReadAbove(layer);
  Attended attended = Layers().Attend(layer, heads, before, final_only);
  Start start{layer, circuit.layers, std::move(attended.z), {heads.begin(), heads.end()}, {attended.mid, {}}};
  // Making the product costs a whole one: it has to serve two heads at least, over enough rows for what it saves of
  // each to be more than what the heads' own products take to make.
  const ModelConfig& config = network_.config();
  const int64_t saved = rows_.Count(final_only) * (config.d_model - config.d_head);
  if (keeps_.product && heads.size() > 1 && saved > int64_t{config.d_head} * config.d_model) {
    if (checkpoint_) RETURN_IF_ERROR(checkpoint_());
    start.mid.product = weights_.Candidates(layer).Product(start.mid.stream.x);
  }
  return start;
}

bool ChunkRun::StartServes(const CircuitLayers& circuit) const {
  const std::vector<int64_t>& heads = circuit[start_->layer].heads;
  return start_->circuit.ServesBefore(start_->layer, circuit) &&
         start_->mid.stream.final_only == !circuit.IsReadAbove(start_->layer) &&
         std::includes(start_->heads.begin(), start_->heads.end(), heads.begin(), heads.end());
}

void ChunkRun::Reduce(Start& start, const CircuitLayers& circuit) {
  const std::vector<int64_t>& heads = circuit[start.layer].heads;
  std::vector<int64_t> ablated;
  std::set_difference(start.heads.begin(), start.heads.end(), heads.begin(), heads.end(), std::back_inserter(ablated));
  for (const int64_t head : ablated) {
    start.mid = Without(start, static_cast<int>(head));
    start.heads.erase(head);
  }
}

MidStream ChunkRun::Without(const Start& start, int head) {
  const int64_t d_head = network_.config().d_head;
  const std::vector<int64_t>& heads = start.circuit[start.layer].heads;
  const int64_t index = std::lower_bound(heads.begin(), heads.end(), head) - heads.begin();
  const bool final_only = start.mid.stream.final_only;
  const at::Tensor mean = weights_.z_means()[start.layer].select(1, head);  // [max_pos, d_head]
  const at::Tensor dz =
      mean.index_select(0, rows_.Positions(final_only)) - start.z.narrow(1, index * d_head, d_head);  // [rows, d_head]
  CandidateLayer& layer = weights_.Candidates(start.layer);
  MidStream mid{{layer.ChangedMid(start.mid.stream.x, head, dz), final_only}, {}};
  if (start.mid.product.defined()) mid.product = layer.ChangedProduct(start.mid.product, head, dz);
  return mid;
}

}  // namespace circuitd
