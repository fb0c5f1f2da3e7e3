#include "tools/weight_names.h"

#include "absl/strings/str_cat.h"
#include "server/model/weight_files.h"

namespace circuitd {

std::vector<NamedWeight> NamedWeights(const ModelConfig& config, Gpt2Weights& weights) {
  // In the order of Gpt2WeightSpecs.
  std::vector<at::Tensor*> tensors = {&weights.embed, &weights.pos_embed};
  for (BlockWeights& block : weights.blocks) {
    tensors.insert(tensors.end(), {&block.ln1_weight, &block.ln1_bias, &block.attn_weight, &block.attn_bias,
                                   &block.o_weight, &block.o_bias, &block.ln2_weight, &block.ln2_bias, &block.in_weight,
                                   &block.in_bias, &block.out_weight, &block.out_bias});
  }
  tensors.insert(tensors.end(), {&weights.ln_final_weight, &weights.ln_final_bias});

  std::vector<NamedWeight> result;
  const std::vector<WeightSpec> specs = Gpt2WeightSpecs(config);
  for (size_t i = 0; i < specs.size(); ++i) {
    result.push_back({absl::StrCat("transformer.", specs[i].name), specs[i].shape, tensors[i]});
  }
  return result;
}

}  // namespace circuitd
