// One layer of a circuit's run, over the rows of a chunk of prompts.
#pragma once

#include <ATen/ATen.h>

#include "server/circuit/engine/circuit_layers.h"
#include "server/circuit/engine/engine_weights.h"
#include "server/circuit/engine/prompt_rows.h"
#include "server/model/gpt2.h"

namespace circuitd {

// Residual streams of all rows, or of the final ones where only they are still read.
struct Stream {
  at::Tensor x;  // [rows or final rows, d_model]
  bool final_only = false;
};

struct Attended {
  at::Tensor z;  // of the kept heads, [rows, heads * d_head]; undefined if there are none
  Stream mid;    // the residual stream after attention
};

// Throws torch's exceptions. Not thread-safe (the weights).
class LayerRun {
 public:
  // These have to outlive it.
  LayerRun(const Gpt2& network, EngineWeights& weights, const PromptRows& rows)
      : network_(network), weights_(weights), rows_(rows) {}

  // Before layer 0.
  Stream Embed() const;

  // Attention with `heads` kept. `final_only` says what is read of the result; before a layer with kept heads all rows
  // are there.
  Attended Attend(int layer, const std::vector<int64_t>& heads, const Stream& before, bool final_only) const;

  // mid -> mlp_post [rows, d_mlp].
  at::Tensor MlpPost(int layer, const Stream& mid) const;
  // mid and mlp_post -> the residual stream after the layer.
  Stream AddMlp(int layer, const Stream& mid, const at::Tensor& post) const;
  // The MLP writes its `mean` [max_pos, d_model] instead.
  Stream AddMean(const Stream& mid, const at::Tensor& mean) const;

  // The rows that are final.
  at::Tensor Final(const Stream& stream) const;

 private:
  // constant [max_pos, d_model] at the rows' positions.
  at::Tensor AtRows(const at::Tensor& constant, bool final_only) const {
    return constant.index_select(0, rows_.Positions(final_only));
  }

  const Gpt2& network_;
  EngineWeights& weights_;
  const PromptRows& rows_;
};

}  // namespace circuitd
