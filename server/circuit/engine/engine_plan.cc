#include "server/circuit/engine/engine_plan.h"

#include <algorithm>

#include "server/model/prompt_length.h"

namespace circuitd {
namespace {

constexpr int64_t kFloat = sizeof(float);

// Of a chunk's run: two of mlp_pre, mlp_post; residual streams, q, k, v and z, by row and by prompt; attention.
int64_t RunBytesPerToken(const ModelConfig& config, int64_t longest) {
  return kFloat * (3 * int64_t{config.d_mlp} + 12 * int64_t{config.d_model} + 3 * config.n_heads * longest);
}

int64_t BorderBytesPerToken(const ModelConfig& config) { return kFloat * config.d_model; }
// z and the residual stream, and the clean prompts' stream where runs of both part.
int64_t StartBytesPerToken(const ModelConfig& config) { return kFloat * 5 * int64_t{config.d_model} / 2; }
int64_t ProductBytesPerToken(const ModelConfig& config) { return kFloat * config.d_mlp; }

// Of all copies: packed weights on a CPU, kept heads' elsewhere.
int64_t CopyBytes(const ModelConfig& config, bool on_cpu) {
  const int64_t d_model = config.d_model;
  return kFloat * config.n_layers * (4 * d_model * d_model + (on_cpu ? 2 * d_model * config.d_mlp : 0));
}

// `count` borders, evenly spread.
std::set<int> Borders(const ModelConfig& config, int64_t count) {
  std::set<int> borders;
  for (int64_t i = 1; i <= count; ++i) borders.insert(static_cast<int>(i * config.n_layers / (count + 1)));
  borders.erase(0);
  return borders;
}

}  // namespace

EngineLoad EngineLoadOf(const Gpt2& network, const PromptPairs& pairs, const NodePruningOptions& options) {
  EngineLoad load;
  load.prompts = static_cast<int64_t>(pairs.size());
  for (const PromptPair& pair : pairs) load.tokens += static_cast<int64_t>(pair.clean.size());
  load.longest = static_cast<int64_t>(LongestPrompt(pairs, &PromptPair::clean));
  load.sets = options.means == MlpMeans::kSeqcont ? 2 : 1;
  load.on_cpu = network.device().is_cpu();
  load.chunk_prompts = options.micro_batch_prompts;
  return load;
}

EnginePlan PlanEngine(const ModelConfig& config, const EngineLoad& load, int64_t budget_bytes, int shrink) {
  // Products over more rows than these are no faster for each row.
  constexpr int64_t kCpuRows = 640, kGpuRows = 16384;
  // Spreads work over the layers above and below well enough; more borders save less and less.
  constexpr int64_t kFirstBorders = 3;
  // Of what is freed and asked for again, an allocator keeps some: up to a quarter more was measured than is planned.
  budget_bytes -= budget_bytes / 5;
  EnginePlan plan;
  const int64_t run_bytes = load.sets * RunBytesPerToken(config, load.longest);  // of clean tokens
  const int64_t beside_one_prompt = std::max<int64_t>(0, budget_bytes - load.longest * run_bytes);
  plan.copy_bytes = std::min({CopyBytes(config, load.on_cpu), budget_bytes / 2, beside_one_prompt});
  int64_t left = budget_bytes - plan.copy_bytes;
  // Whole prompts, of the longest's tokens, so that their number says all of how prompts are laid side by side.
  const int64_t most_prompts =
      std::min(load.prompts, load.chunk_prompts.value_or((load.on_cpu ? kCpuRows : kGpuRows) / load.longest));
  const int64_t chunk_prompts = std::min(most_prompts, left / 4 / run_bytes / load.longest) >> shrink;
  plan.chunk_tokens = load.longest * std::max<int64_t>(1, chunk_prompts);
  left -= plan.chunk_tokens * run_bytes;
  left >>= shrink;

  const auto take = [&](int64_t bytes) {
    if (bytes > left) return false;
    left -= bytes;
    return true;
  };
  const auto of_tokens = [&](int64_t bytes_per_token) { return load.tokens * load.sets * bytes_per_token; };
  const int64_t without_product = CandidateLayer::Bytes(config, false),
                with_product = CandidateLayer::Bytes(config, true);
  plan.pack_candidates = load.on_cpu && take(without_product);
  plan.keeps.start = take(of_tokens(StartBytesPerToken(config)));
  if (!plan.keeps.start) return plan;
  int64_t borders = 0;
  const int64_t most = config.n_layers - 1;
  while (borders < std::min(kFirstBorders, most) && take(of_tokens(BorderBytesPerToken(config)))) ++borders;
  plan.keeps.product = take(of_tokens(ProductBytesPerToken(config)) + with_product - without_product);
  while (borders < most && take(of_tokens(BorderBytesPerToken(config)))) ++borders;
  plan.keeps.borders = Borders(config, borders);
  return plan;
}

int64_t PlannedBytes(const ModelConfig& config, const EngineLoad& load, const EnginePlan& plan) {
  int64_t per_token = static_cast<int64_t>(plan.keeps.borders.size()) * BorderBytesPerToken(config);
  if (plan.keeps.start) per_token += StartBytesPerToken(config);
  if (plan.keeps.product) per_token += ProductBytesPerToken(config);
  int64_t candidate_layer = 0;
  if (plan.pack_candidates) candidate_layer += CandidateLayer::Bytes(config, false);
  if (plan.keeps.product) {
    candidate_layer += CandidateLayer::Bytes(config, true) - CandidateLayer::Bytes(config, false);
  }
  return plan.copy_bytes + candidate_layer +
         load.sets * (plan.chunk_tokens * RunBytesPerToken(config, load.longest) + load.tokens * per_token);
}

bool CanShrink(const EngineLoad& load, const EnginePlan& plan) {
  return plan.chunk_tokens > load.longest || plan.keeps.start;
}

}  // namespace circuitd
