// The edge-masked run of a micro-batch that others go on from, with only what these read.
#pragma once

#include <ATen/ATen.h>

#include <cstdint>
#include <vector>

#include "server/circuit/edges/edge_batches.h"
#include "server/graph/edge_set.h"

namespace circuitd {

// Which rows of a prompt a value is of: of what the last layer's queries, its MLP and the logits read, and of what that
// layer's nodes write, only each prompt's last position matters.
enum class EdgeRows {
  kTail,  // positions from the first on that differ between runs
  kLast,  // each prompt's last one
};

// Throws torch's exceptions.
class KeptRun {
 public:
  // `batch` has to outlive this.
  KeptRun(const EdgeBatch& batch, const EdgeSet& edges);

  const EdgeSet& edges() const { return edges_; }
  const EdgeBatch& batch() const { return batch_; }
  const Gpt2& network() const { return batch_.setting.network(); }
  int64_t prompts() const { return batch_.prompts.tokens.size(0); }
  int64_t pos() const { return batch_.prompts.tokens.size(1); }
  // kTail's first position.
  int64_t first() const { return first_; }

  // The rows in which a layer's queries, or its MLP and what its nodes write, matter.
  EdgeRows RowsOf(int layer) const { return layer == last_layer_ ? EdgeRows::kLast : EdgeRows::kTail; }
  // x [..., batch, rows, width] of kTail -> of kLast, [..., batch, 1, width].
  at::Tensor LastRows(const at::Tensor& x) const;

  // What senders' outputs differ by from their outside values: [senders, batch, rows, d_model]; kTail of those below
  // the last layer's only.
  const at::Tensor& changes(EdgeRows rows) const { return rows == EdgeRows::kLast ? last_changes_ : tail_changes_; }
  // What these receivers of q, k or v read: [receivers, batch, rows, d_model].
  at::Tensor AttentionInputs(int layer, const std::vector<int64_t>& receivers, EdgeRows rows) const;
  // Of RowsOf(layer): [batch, rows, d_model].
  const at::Tensor& mlp_in(int layer) const { return layers_[layer].mlp_in; }
  at::Tensor MlpOut(int layer) const;
  // [batch, pos, d_head] of a k or v; q of RowsOf(layer).
  const at::Tensor& qkv(int layer, int64_t receiver) const { return layers_[layer].qkv[receiver]; }
  // Of RowsOf(layer): [n_heads, batch, rows, d_head].
  const at::Tensor& z(int layer) const { return layers_[layer].z; }
  // What the logits read: [batch, 1, d_model].
  const at::Tensor& residual() const { return residual_; }

 private:
  struct Layer {
    at::Tensor outside_pre;       // of outside values and biases, what attention reads: [batch, tail, d_model]
    at::Tensor outside_pre_last;  // of the last layer: [batch, 1, d_model]
    std::vector<at::Tensor> qkv;
    at::Tensor z, mlp_in;
  };

  at::Tensor Tail(const at::Tensor& x) const;

  const EdgeBatch& batch_;
  EdgeSet edges_;
  const int last_layer_;
  int64_t first_ = 0;
  at::Tensor last_index_;  // [batch]: each prompt's last position, in kTail
  std::vector<Layer> layers_;
  at::Tensor tail_changes_, last_changes_;
  at::Tensor residual_;
};

}  // namespace circuitd
