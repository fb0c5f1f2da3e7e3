#include "client/cli/circuit_model.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "client/cli/text.h"

namespace circuitd::client {
namespace {

constexpr std::array kDimensions = {&ModelConfig::n_layers, &ModelConfig::n_heads, &ModelConfig::d_model,
                                    &ModelConfig::d_head,   &ModelConfig::d_mlp,   &ModelConfig::n_ctx,
                                    &ModelConfig::d_vocab};

bool Agree(const CircuitModel& a, const CircuitModel& b) {
  for (const auto dimension : kDimensions) {
    const int in_a = a.config.*dimension;
    const int in_b = b.config.*dimension;
    if (in_a != 0 && in_b != 0 && in_a != in_b) return false;
  }
  return a.sha256.empty() || b.sha256.empty() || a.sha256 == b.sha256;
}

}  // namespace

CircuitModel CircuitModelOf(const CircuitDocument& document) {
  return {document.model_name, document.model_sha256, document.config};
}

std::string ModelText(const CircuitModel& model) {
  std::string text = absl::StrCat(model.name.empty() ? "a model" : model.name, " (",
                                  CountOf(static_cast<uint64_t>(model.config.n_layers), "layer"), " of ",
                                  CountOf(static_cast<uint64_t>(model.config.n_heads), "head"));
  if (model.config.d_model != 0) absl::StrAppend(&text, ", d_model ", model.config.d_model);
  if (!model.sha256.empty()) absl::StrAppend(&text, ", sha256 ", model.sha256.substr(0, 8), "…");
  return text + ")";
}

absl::Status CheckSameModel(absl::string_view label_a, const CircuitModel& a, absl::string_view label_b,
                            const CircuitModel& b) {
  if (Agree(a, b)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("different models: ", label_a, ": ", ModelText(a), "; ", label_b, ": ", ModelText(b)));
}

void CompleteModel(const CircuitModel& model, CircuitDocument& document) {
  if (document.model_name.empty()) document.model_name = model.name;
  if (document.model_sha256.empty()) document.model_sha256 = model.sha256;
  for (const auto dimension : kDimensions) {
    if (document.config.*dimension == 0) document.config.*dimension = model.config.*dimension;
  }
}

}  // namespace circuitd::client
