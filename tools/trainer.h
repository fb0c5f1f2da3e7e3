// Trains a GPT-2 from scratch on the server's own forward pass.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/gpt2.h"

namespace circuitd {

struct TrainingOptions {
  uint64_t seed = 0;  // of the initial weights
  int steps = 1500;
  int batch = 64;                    // texts a step
  double peak_learning_rate = 2e-3;  // of a one-cycle schedule (Smith and Topin, arXiv 1708.07120)
  double weight_decay = 0.01;        // AdamW's (Loshchilov and Hutter, arXiv 1711.05101)
  double max_gradient_norm = 1;
  std::function<void(int step, double loss)> on_step;  // mean cross-entropy of the step's batch, nats; may be empty
};

// The next text's token ids: of the same length, 2 to n_ctx, each time.
using TextSource = std::function<absl::StatusOr<std::vector<int>>()>;

// Cosine from peak / 25 to the peak in the first 30 % of the steps, then down to nearly nothing.
double OneCycleLearningRate(int step, int steps, double peak);

// Trains at all positions on the calling thread and torch's. The same options, texts and number of threads give the
// same weights on the same machine. INTERNAL if the loss stops being finite, or torch throws; `texts`' errors as they
// are.
absl::StatusOr<Gpt2Weights> TrainGpt2(const ModelConfig& config, const TrainingOptions& options,
                                      const TextSource& texts);

}  // namespace circuitd
