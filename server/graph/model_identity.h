// Which model a file is about, as far as that is known.
#pragma once

#include <string>

#include "server/graph/circuit_document.h"
#include "server/model/config.h"

namespace circuitd {

struct ModelIdentity {
  // Empty: not known.
  std::string name;
  std::string sha256;
  // Dimensions: n_layers and n_heads always, others 0 where they are not known.
  ModelConfig config;
};

ModelIdentity ModelIdentityOf(const CircuitDocument& document);

// False if they differ in a dimension or in their sha256, where both are known. Names don't count: one model has many.
bool MayBeSameModel(const ModelIdentity& a, const ModelIdentity& b);

// Takes over what the document doesn't say itself.
void CompleteModel(const ModelIdentity& model, CircuitDocument& document);

}  // namespace circuitd
