// The edge-masked run of some prompts: each receiver reads what its own senders compute, and others' outside values.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "server/graph/edge_set.h"
#include "server/model/gpt2.h"
#include "server/model/layer_products.h"

namespace circuitd {

// What edge-masked runs of a micro-batch have in common.
struct MaskedRunSetting {
  const LayerProducts& products;
  at::Tensor tokens;   // [batch, pos], padded on the right
  at::Tensor outside;  // by a sender's rank: [n_senders, batch or 1, pos, d_model]
  // By a sender's rank: it carries its outside value whatever it reads. Empty: none does.
  std::vector<bool> fixed;

  const Gpt2& network() const { return products.network(); }
  bool IsFixed(int sender) const { return !fixed.empty() && fixed[sender]; }
};

// A run, with what another can go on from. Receivers of a layer's attention are in the order of their ranks: the heads'
// q, their k, their v.
struct MaskedRun {
  struct Layer {
    // The residual stream of outside values and biases that its attention reads, and its MLP: [batch, pos, d_model].
    at::Tensor outside_pre, outside_mid;
    at::Tensor qkv;     // [3 * n_heads, batch, pos, d_head]
    at::Tensor z;       // [n_heads, batch, pos, d_head]
    at::Tensor mlp_in;  // [batch, pos, d_model]
  };
  std::vector<Layer> layers;
  at::Tensor outside_post;  // what the logits read of outside values and biases
  at::Tensor changes;       // senders' outputs minus their outside values: [n_senders, batch, pos, d_model]
  at::Tensor residual;      // what the logits read: [batch, pos, d_model]
};

// One receiver reads `change` [batch, pos, d_model] more than its edges bring it.
struct InputChange {
  int receiver = 0;  // by rank
  at::Tensor change;
};

// Throws torch's exceptions. `change` may be null.
MaskedRun RunMasked(const MaskedRunSetting& setting, const EdgeSet& edges, const InputChange* change = nullptr);

// Which of `senders` each of `receivers` has in `edges`, all by rank: for each receiver the places among `senders`.
std::vector<std::vector<int64_t>> PlacesOf(const EdgeSet& edges, const std::vector<int>& receivers,
                                           const std::vector<int>& senders);

// What receivers read: for each the sum of its own of values [senders, ...]. Returns [receivers, ...].
at::Tensor SumsOf(const std::vector<std::vector<int64_t>>& places, const at::Tensor& values);

// Ranks from 0 on.
std::vector<int> RanksBelow(int64_t end);

// Whether all `receivers` have the same of the first `senders` senders.
bool SameRows(const EdgeSet& edges, const std::vector<int>& receivers, int64_t senders);

// inputs [receivers, ..., d_model] of the q, k or v `receivers` (each its place among a layer's 3 * n_heads), before
// ln1, to [receivers, ..., d_head]. One input for all is enough where it is the same.
at::Tensor QkvOf(const LayerProducts& products, int layer, const at::Tensor& inputs,
                 const std::vector<int64_t>& receivers);

// z [heads, ..., d_head] of `heads` -> what these add to the residual stream, [heads, ..., d_model].
at::Tensor HeadOutputs(const Gpt2& network, int layer, const at::Tensor& z, const std::vector<int64_t>& heads);

// q [heads, batch, rows, d_head], k and v [heads, batch, pos, d_head] -> z of q's shape. `unseen` as AttentionScores'
// future.
at::Tensor AttendHeads(const Gpt2& network, int layer, const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                       const at::Tensor& unseen);

}  // namespace circuitd
