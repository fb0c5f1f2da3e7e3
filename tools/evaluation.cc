#include "tools/evaluation.h"

#include <algorithm>
#include <limits>

#include "base/status.h"
#include "server/model/torch_border.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {

// Logits after the prompt's last token [d_vocab].
at::Tensor LastLogits(const Gpt2& model, const std::vector<int>& prompt) {
  const at::Tensor tokens = at::tensor(prompt, at::kLong).unsqueeze(0);  // [1, pos]
  const at::Tensor residual = model.RunLayers(model.Embed(tokens), 0, model.config().n_layers);
  return model.Unembed(residual.select(1, -1)).squeeze(0);
}

}  // namespace

absl::StatusOr<Evaluation> EvaluateTask(const Gpt2& model, const Tokenizer& tokenizer, const std::string& task,
                                        const std::string& variant, uint64_t seed, int num_samples) {
  PromptSetOptions options;
  options.num_samples = num_samples;
  ASSIGN_OR_RETURN(const PromptPairs pairs,
                   GeneratePrompts({&tokenizer, &model.config()}, task, {variant}, seed, options));
  return InTorch([&]() -> absl::StatusOr<Evaluation> {
    Evaluation result;
    result.min_logit_diff = std::numeric_limits<double>::infinity();
    for (const PromptPair& pair : pairs) {
      const at::Tensor logits = LastLogits(model, pair.clean);
      const double diff = (logits[pair.correct[0]] - logits[pair.incorrect[0]]).item<double>();
      result.accuracy += logits.argmax().item<int64_t>() == pair.correct[0];
      result.mean_logit_diff += diff;
      result.min_logit_diff = std::min(result.min_logit_diff, diff);
    }
    result.prompts = static_cast<int>(pairs.size());
    result.accuracy /= result.prompts;
    result.mean_logit_diff /= result.prompts;
    return result;
  });
}

}  // namespace circuitd
