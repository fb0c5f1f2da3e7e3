#include "server/model/forward_flops.h"

namespace circuitd {

double ForwardFlops(const ModelConfig& config, int64_t batch, int64_t pos) {
  const double d_model = config.d_model, tokens = static_cast<double>(batch * pos);
  const double weights = config.n_layers * (4 * d_model * d_model + 2 * d_model * config.d_mlp);
  const double attention = config.n_layers * 2.0 * static_cast<double>(pos) * d_model;
  return 2 * tokens * (weights + attention) + UnembedFlops(config, batch);
}

double UnembedFlops(const ModelConfig& config, int64_t rows) {
  return 2.0 * static_cast<double>(rows) * config.d_model * config.d_vocab;
}

double TypicalFlopsPerSecond(const std::string& device) {
  constexpr double kCpu = 100e9, kGpu = 10e12;
  return device == "cpu" ? kCpu : kGpu;
}

}  // namespace circuitd
