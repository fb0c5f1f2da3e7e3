#include "server/model/model.h"

#include <utility>

#include "server/model/device.h"
#include "server/model/fingerprint.h"
#include "server/model/gpt2.h"

namespace circuitd {

Model::Model(std::string name, ModelConfig config, std::unique_ptr<Tokenizer> tokenizer, std::unique_ptr<Gpt2> network,
             std::shared_ptr<Fingerprint> fingerprint, std::string device, DType dtype)
    : name_(std::move(name)),
      config_(config),
      tokenizer_(std::move(tokenizer)),
      cache_release_{std::move(device)},
      network_(std::move(network)),
      fingerprint_(std::move(fingerprint)),
      dtype_(dtype) {}

Model::CacheRelease::~CacheRelease() { ReleaseCachedMemory(device); }

Model::~Model() = default;

int64_t Model::parameter_count() const {
  const Gpt2Weights& weights = network_->weights();
  int64_t count = weights.embed.numel() + weights.pos_embed.numel() + weights.ln_final_weight.numel() +
                  weights.ln_final_bias.numel();
  // A tied unembedding is the embedding itself and has no parameters of its own.
  if (!weights.unembed.is_same(weights.embed)) count += weights.unembed.numel();
  for (const BlockWeights& block : weights.blocks) {
    for (const at::Tensor* tensor :
         {&block.ln1_weight, &block.ln1_bias, &block.attn_weight, &block.attn_bias, &block.o_weight, &block.o_bias,
          &block.ln2_weight, &block.ln2_bias, &block.in_weight, &block.in_bias, &block.out_weight, &block.out_bias}) {
      count += tensor->numel();
    }
  }
  return count;
}

absl::StatusOr<std::string> Model::Sha256() const { return fingerprint_->Sha256(); }

std::string Model::Sha256IfKnown() const { return fingerprint_->Sha256IfKnown(); }

}  // namespace circuitd
