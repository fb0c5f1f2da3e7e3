#include "server/graph/circuit_dims.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/graph/circuit_entries.h"

namespace circuitd {
namespace {

constexpr int kMostWidth = 1 << 24;

// Reads an object's dimension `key` into `value`; 0 if it is not there.
absl::Status ReadDimension(const FileJson& dims, const std::string& place, const char* key, int* value) {
  *value = 0;
  const auto dim = dims.find(key);
  if (dim == dims.end()) return absl::OkStatus();
  if (dim->is_number_unsigned() && dim->get<uint64_t>() >= 1 && dim->get<uint64_t>() <= kMostWidth) {
    *value = dim->get<int>();
    return absl::OkStatus();
  }
  return InvalidField(absl::StrCat(place, ".", key),
                      absl::StrCat(ShowFileJson(*dim), ", must be an integer of 1-", kMostWidth));
}

}  // namespace

absl::StatusOr<ModelConfig> ReadDims(const FileJson& dims, const std::string& place, const ModelConfig* model) {
  ModelConfig config;
  const std::pair<const char*, int ModelConfig::*> kDims[] = {
      {"n_layers", &ModelConfig::n_layers}, {"n_heads", &ModelConfig::n_heads}, {"d_model", &ModelConfig::d_model},
      {"d_head", &ModelConfig::d_head},     {"d_mlp", &ModelConfig::d_mlp},     {"n_ctx", &ModelConfig::n_ctx},
      {"d_vocab", &ModelConfig::d_vocab}};
  for (const auto& [key, member] : kDims) {
    RETURN_IF_ERROR(ReadDimension(dims, place, key, &(config.*member)));
    if (model && config.*member && config.*member != model->*member) {
      return InvalidField(absl::StrCat(place, ".", key),
                          absl::StrCat(config.*member, ", the model has ", model->*member));
    }
  }
  if (model) return *model;
  if (!config.n_layers) return InvalidField(place + ".n_layers", "is missing");
  if (!config.n_heads) return InvalidField(place + ".n_heads", "is missing");
  if (int64_t{config.n_layers} * (config.n_heads + 1) > kMostNodes) {
    return InvalidField(place, absl::StrCat(config.n_layers, " layers of ", config.n_heads,
                                            " heads and an MLP, must be ", kMostNodes, " nodes at most"));
  }
  return config;
}

}  // namespace circuitd
