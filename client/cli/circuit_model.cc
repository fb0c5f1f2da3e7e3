#include "client/cli/circuit_model.h"

#include "absl/strings/str_cat.h"
#include "client/cli/text.h"

namespace circuitd::client {

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
  if (MayBeSameModel(a, b)) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("different models: ", label_a, ": ", ModelText(a), "; ", label_b, ": ", ModelText(b)));
}

}  // namespace circuitd::client
