// What the readings are tested against: one prompt's activations, and models with weights of one's own.
#pragma once

#include <ATen/ATen.h>

#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/model/gpt2.h"
#include "server/model/model.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd::testing {

// Everything that a run shows but ln*.hook_scale, for which the network would take another way.
class KeepAll : public Hooks {
 public:
  bool Wants(HookPoint point) const override {
    return point.kind != HookKind::kLn1Scale && point.kind != HookKind::kLn2Scale &&
           point.kind != HookKind::kLnFinalScale;
  }
  void Visit(HookPoint point, at::Tensor& value) override { values_[HookPointName(point)] = value[0]; }

  // Without the batch's axis.
  const at::Tensor& operator[](const std::string& name) const { return values_.at(name); }

 private:
  std::map<std::string, at::Tensor> values_;
};

inline at::Tensor TokensOf(const std::vector<int>& prompt) {
  return at::tensor(std::vector<int64_t>(prompt.begin(), prompt.end()), at::kLong).unsqueeze(0);  // [1, pos]
}

struct PlainRun {
  KeepAll activations;
  at::Tensor residual;  // [pos, d_model]
  at::Tensor logits;    // [pos, d_vocab]

  PlainRun(const Model& model, const std::vector<int>& prompt) {
    residual = model.network().Run(TokensOf(prompt), &activations)[0];
    logits = model.network().Unembed(residual);
  }
};

inline std::unique_ptr<Model> ModelOf(Gpt2Weights weights, const ModelConfig& config = TinyConfig()) {
  return std::make_unique<Model>("tiny", config, nullptr, std::make_unique<Gpt2>(config, std::move(weights)), nullptr,
                                 "cpu", DType::kFloat32);
}

// Its unembedding is not its embedding.
inline Gpt2Weights UntiedWeights(uint64_t seed) {
  Gpt2Weights weights = RandomWeights(TinyConfig(), seed);
  weights.unembed = RandomWeights(TinyConfig(), seed + 1).embed;
  return weights;
}

// Whose runs are not finite where token 9 is.
inline std::unique_ptr<Model> ModelBrokenAtToken9() {
  Gpt2Weights weights = UntiedWeights(1);
  weights.embed[9].fill_(std::numeric_limits<float>::infinity());
  return ModelOf(std::move(weights));
}

}  // namespace circuitd::testing
