// Attribution of edges as its definition reads: one pair after the other, a gradient at every receiver's own input.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "server/circuit/attribution/edge_attribution.h"
#include "server/graph/edge_set.h"
#include "server/model/gpt2.h"
#include "server/model/model.h"

namespace circuitd::testing {

// TinyModel with weights in another type.
std::unique_ptr<Model> TinyModelIn(at::ScalarType dtype, uint64_t seed);

// In float64, which leaves no room for rounding in comparisons.
inline std::unique_ptr<Model> WideTinyModel(uint64_t seed) { return TinyModelIn(at::kDouble, seed); }

// The loss of one prompt, of logits [d_vocab]; `clean` are those that kl_div compares with.
at::Tensor NaiveLoss(Metric metric, const at::Tensor& logits, const at::Tensor& clean, const PromptPair& pair);

// Outputs of all senders in a run on one prompt: [pos, d_model] each.
std::map<Node, at::Tensor> NaiveOutputs(const Gpt2& network, const std::vector<int>& prompt);

// The same means over pairs as AttributeEdges, of a method with gradients.
EdgeScores NaiveAttribution(const Model& model, const PromptPairs& pairs, const AttributionOptions& options);

}  // namespace circuitd::testing
