// The model that a circuit is of, as far as that is known.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/graph/circuit_document.h"
#include "server/model/config.h"

namespace circuitd::client {

struct CircuitModel {
  // Empty: not known.
  std::string name;
  std::string sha256;
  // Dimensions: n_layers and n_heads always, others 0 where they are not known.
  ModelConfig config;
};

CircuitModel CircuitModelOf(const CircuitDocument& document);

// "gpt2 (12 layers of 12 heads, d_model 768, sha256 0a1b2c3d…)".
std::string ModelText(const CircuitModel& model);

// INVALID_ARGUMENT, with both models, if they differ in a dimension or in their sha256, where both are known. Names
// don't count: one model has many. `a` and `b` are called by the labels.
absl::Status CheckSameModel(absl::string_view label_a, const CircuitModel& a, absl::string_view label_b,
                            const CircuitModel& b);

// Takes over what the document doesn't say itself.
void CompleteModel(const CircuitModel& model, CircuitDocument& document);

}  // namespace circuitd::client
