#include "server/model/forward.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/gpt2.h"
#include "server/model/logit_readout.h"
#include "server/model/micro_batch.h"
#include "server/model/torch_border.h"

namespace circuitd {

absl::Status ValidatePrompts(const ModelConfig& config, absl::string_view field,
                             const std::vector<std::vector<int>>& prompts) {
  if (prompts.empty()) return InvalidField(field, "none, at least 1 is needed");
  for (size_t i = 0; i < prompts.size(); ++i) {
    const std::string name = absl::StrCat(field, "[", i, "]");
    if (prompts[i].empty()) return InvalidField(name, "0 tokens, at least 1 is needed");
    if (prompts[i].size() > static_cast<size_t>(config.n_ctx)) {
      return InvalidField(name, absl::StrCat(prompts[i].size(), " tokens, n_ctx is ", config.n_ctx));
    }
    for (size_t pos = 0; pos < prompts[i].size(); ++pos) {
      const int id = prompts[i][pos];
      if (id < 0 || id >= config.d_vocab) {
        return InvalidField(absl::StrCat(name, ".tokens.ids[", pos, "]"),
                            absl::StrCat(id, ", d_vocab is ", config.d_vocab, " (0-", config.d_vocab - 1, ")"));
      }
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PromptLogits>> RunForward(const Model& model, const std::vector<std::vector<int>>& prompts,
                                                     const LogitsSelection& selection, const ForwardOptions& options,
                                                     const TensorSink& sink) {
  const Gpt2& network = model.network();
  std::vector<PromptLogits> answers;
  const auto batches = SplitIntoMicroBatches(model.config(), prompts,
                                             LimitsFor(network.device(), network.dtype(), options.memory_budget_bytes));
  at::Tensor residual, last_logits;
  const auto rows = [&](MicroBatch batch) {
    return absl::MakeConstSpan(prompts).subspan(batch.begin, batch.end - batch.begin);
  };
  const auto run = [&](MicroBatch batch) {
    return InTorch([&]() -> absl::Status {
      const PaddedPrompts padded = Pad(rows(batch), network.device());
      residual = network.RunLayers(network.Embed(padded.tokens), 0, model.config().n_layers);
      last_logits = LastLogits(network, residual, padded);
      ASSIGN_OR_RETURN(const std::vector<PromptLogits> part, ReadLogits(last_logits, selection, batch.begin));
      answers.insert(answers.end(), part.begin(), part.end());
      return absl::OkStatus();
    });
  };
  RETURN_IF_ERROR(ForEachMicroBatch(batches, options.checkpoint, run, [&](MicroBatch batch) {
    return InTorch([&] {
      return SinkFullLogits(network, residual, last_logits, rows(batch), selection.full_logits, batch.begin, sink);
    });
  }));
  return answers;
}

int64_t FullLogitsBytes(const ModelConfig& config, const std::vector<std::vector<int>>& prompts,
                        LogitsPositions positions) {
  if (positions == LogitsPositions::kNone) return 0;
  int64_t rows = 0;
  for (const auto& prompt : prompts) rows += positions == LogitsPositions::kLast ? 1 : prompt.size();
  return rows * config.d_vocab * int64_t{sizeof(float)};
}

}  // namespace circuitd
