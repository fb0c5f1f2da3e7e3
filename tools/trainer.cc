#include "tools/trainer.h"

#include <torch/nn/utils/clip_grad.h>
#include <torch/optim/adamw.h>

#include <cmath>
#include <numbers>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/torch_border.h"
#include "tools/weight_names.h"

namespace circuitd {
namespace {

// As GPT-2 was: normal with deviation 0.02, that of projections into the residual stream divided by the square root of
// their number; LayerNorm's weights 1, biases 0.
at::Tensor InitialTensor(const NamedWeight& weight, int n_layers, at::Generator& generator) {
  at::Tensor tensor = at::zeros(weight.shape, at::kFloat);
  if (absl::EndsWith(weight.name, ".bias")) return tensor;
  if (weight.shape.size() == 1) return tensor.fill_(1);
  const bool into_residual = absl::EndsWith(weight.name, "c_proj.weight");
  return tensor.normal_(0, into_residual ? 0.02 / std::sqrt(2.0 * n_layers) : 0.02, generator);
}

Gpt2Weights InitialWeights(const ModelConfig& config, uint64_t seed, std::vector<at::Tensor>& parameters) {
  at::Generator generator = at::detail::createCPUGenerator(seed);
  Gpt2Weights weights;
  weights.blocks.resize(config.n_layers);
  for (const NamedWeight& weight : NamedWeights(config, weights)) {
    *weight.tensor = InitialTensor(weight, config.n_layers, generator).set_requires_grad(true);
    parameters.push_back(*weight.tensor);
  }
  weights.unembed = weights.embed;
  return weights;
}

absl::StatusOr<at::Tensor> NextBatch(const TextSource& texts, int batch) {
  std::vector<int64_t> ids;
  for (int i = 0; i < batch; ++i) {
    ASSIGN_OR_RETURN(const std::vector<int> text, texts());
    ids.insert(ids.end(), text.begin(), text.end());
  }
  return at::tensor(ids, at::kLong).view({batch, -1});  // [batch, pos]
}

// Mean cross-entropy of each token given those before it.
at::Tensor Loss(const Gpt2& model, const at::Tensor& tokens) {
  const int64_t inputs = tokens.size(1) - 1;
  at::Tensor residual = model.Embed(tokens.narrow(1, 0, inputs));
  residual = model.RunLayers(residual, 0, model.config().n_layers);
  const at::Tensor logits = model.Unembed(residual);  // [batch, pos - 1, d_vocab]
  return at::cross_entropy_loss(logits.flatten(0, 1), tokens.narrow(1, 1, inputs).flatten());
}

absl::StatusOr<Gpt2Weights> TrainOrThrow(const ModelConfig& config, const TrainingOptions& options,
                                         const TextSource& texts) {
  std::vector<at::Tensor> parameters;
  Gpt2Weights weights = InitialWeights(config, options.seed, parameters);
  const Gpt2 model(config, weights);
  torch::optim::AdamW optimizer(parameters, torch::optim::AdamWOptions().weight_decay(options.weight_decay));
  auto& rate = static_cast<torch::optim::AdamWOptions&>(optimizer.param_groups()[0].options());
  for (int step = 0; step < options.steps; ++step) {
    ASSIGN_OR_RETURN(const at::Tensor tokens, NextBatch(texts, options.batch));
    const at::Tensor loss = Loss(model, tokens);
    const double value = loss.item<double>();
    if (!std::isfinite(value)) return absl::InternalError(absl::StrCat("step ", step, ": the loss is ", value));
    optimizer.zero_grad();
    loss.backward();
    torch::nn::utils::clip_grad_norm_(parameters, options.max_gradient_norm);
    rate.lr(OneCycleLearningRate(step, options.steps, options.peak_learning_rate));
    optimizer.step();
    if (options.on_step) options.on_step(step, value);
  }
  for (at::Tensor& parameter : parameters) parameter.set_requires_grad(false);
  return weights;
}

}  // namespace

double OneCycleLearningRate(int step, int steps, double peak) {
  const double summit = 0.3 * steps;
  const auto cosine = [](double from, double to, double part) {
    return to + (from - to) * (1 + std::cos(std::numbers::pi * part)) / 2;
  };
  if (step < summit) return cosine(peak / 25, peak, step / summit);
  return cosine(peak, peak / 250000, (step - summit) / (steps - summit));
}

absl::StatusOr<Gpt2Weights> TrainGpt2(const ModelConfig& config, const TrainingOptions& options,
                                      const TextSource& texts) {
  try {
    return TrainOrThrow(config, options, texts);
  } catch (const std::exception& error) {
    return StatusFromTorchError(error);
  }
}

}  // namespace circuitd
