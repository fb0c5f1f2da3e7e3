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
// z and the residual stream; while one replaces another, both are there.
int64_t StartBytesPerToken(const ModelConfig& config) { return kFloat * 2 * int64_t{config.d_model}; }
int64_t ProductBytesPerToken(const ModelConfig& config) { return kFloat * config.d_mlp; }

int64_t BlockBytes(const ModelConfig& config) {
  const int64_t d_model = config.d_model;
  return kFloat * config.n_layers * (4 * d_model * d_model + 2 * d_model * config.d_mlp);
}

// `count` borders, evenly spread.
std::set<int> Borders(const ModelConfig& config, int64_t count) {
  std::set<int> borders;
  for (int64_t i = 1; i <= count; ++i) borders.insert(static_cast<int>(i * config.n_layers / (count + 1)));
  borders.erase(0);
  return borders;
}

}  // namespace

EngineLoad EngineLoadOf(const Gpt2& network, const std::vector<std::vector<int>>& prompts, MlpMeans means) {
  EngineLoad load;
  for (const std::vector<int>& prompt : prompts) load.tokens += static_cast<int64_t>(prompt.size());
  if (means == MlpMeans::kSeqcont) load.tokens *= 2;  // the corrupted prompts run again for candidates
  load.longest = static_cast<int64_t>(LongestPrompt(prompts));
  load.on_cpu = network.device().is_cpu();
  return load;
}

EnginePlan PlanEngine(const ModelConfig& config, const EngineLoad& load, int64_t budget_bytes, int shrink) {
  // Products over more rows than these are no faster for each row.
  constexpr int64_t kCpuRows = 640, kGpuRows = 16384;
  // Spreads work over the layers above and below well enough; more borders save less and less.
  constexpr int64_t kFirstBorders = 3;
  EnginePlan plan;
  plan.packing_bytes = load.on_cpu ? std::min(BlockBytes(config), budget_bytes / 2) : 0;
  int64_t left = budget_bytes - plan.packing_bytes;
  const int64_t fitting = left / 4 / RunBytesPerToken(config, load.longest);
  plan.chunk_tokens = std::max(load.longest, std::min(load.on_cpu ? kCpuRows : kGpuRows, fitting) >> shrink);
  left -= plan.chunk_tokens * RunBytesPerToken(config, load.longest);
  left >>= shrink;

  const auto take = [&](int64_t bytes_per_token) {
    if (load.tokens * bytes_per_token > left) return false;
    left -= load.tokens * bytes_per_token;
    return true;
  };
  plan.keeps.start = take(StartBytesPerToken(config));
  if (!plan.keeps.start) return plan;
  int64_t borders = 0;
  const int64_t most = config.n_layers - 1;
  while (borders < std::min(kFirstBorders, most) && take(BorderBytesPerToken(config))) ++borders;
  plan.keeps.product = take(ProductBytesPerToken(config));
  while (borders < most && take(BorderBytesPerToken(config))) ++borders;
  plan.keeps.borders = Borders(config, borders);
  return plan;
}

int64_t PlannedBytes(const ModelConfig& config, const EngineLoad& load, const EnginePlan& plan) {
  int64_t per_token = static_cast<int64_t>(plan.keeps.borders.size()) * BorderBytesPerToken(config);
  if (plan.keeps.start) per_token += StartBytesPerToken(config);
  if (plan.keeps.product) per_token += ProductBytesPerToken(config);
  return plan.packing_bytes + plan.chunk_tokens * RunBytesPerToken(config, load.longest) + load.tokens * per_token;
}

}  // namespace circuitd
