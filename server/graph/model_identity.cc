#include "server/graph/model_identity.h"

#include <array>

namespace circuitd {
namespace {

constexpr std::array kDimensions = {&ModelConfig::n_layers, &ModelConfig::n_heads, &ModelConfig::d_model,
                                    &ModelConfig::d_head,   &ModelConfig::d_mlp,   &ModelConfig::n_ctx,
                                    &ModelConfig::d_vocab};

}  // namespace

ModelIdentity ModelIdentityOf(const CircuitDocument& document) {
  return {document.model_name, document.model_sha256, document.config};
}

bool MayBeSameModel(const ModelIdentity& a, const ModelIdentity& b) {
  for (const auto dimension : kDimensions) {
    const int in_a = a.config.*dimension;
    const int in_b = b.config.*dimension;
    if (in_a != 0 && in_b != 0 && in_a != in_b) return false;
  }
  return a.sha256.empty() || b.sha256.empty() || a.sha256 == b.sha256;
}

void CompleteModel(const ModelIdentity& model, CircuitDocument& document) {
  if (document.model_name.empty()) document.model_name = model.name;
  if (document.model_sha256.empty()) document.model_sha256 = model.sha256;
  for (const auto dimension : kDimensions) {
    if (document.config.*dimension == 0) document.config.*dimension = model.config.*dimension;
  }
}

}  // namespace circuitd
