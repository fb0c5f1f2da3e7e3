#include "server/service/work_estimate.h"

#include <cstdint>

#include "server/model/forward_flops.h"
#include "server/service/speed_meter.h"

namespace circuitd {
namespace {

// On one core, beside the device's own work. A softmax over a row of logits, in double precision, for each of them;
constexpr double kSecondsPerLogit = 4e-9;
// the few numbers that are read off such a row;
constexpr double kSecondsPerRow = 1e-5;
// an attention pattern's entry, looked at for each kind of head;
constexpr double kSecondsPerPatternEntry = 1e-8;
// what is copied for the reply;
constexpr double kSecondsPerByte = 1e-9;
// small tensors by the dozen for each prompt;
constexpr double kSecondsPerPrompt = 1e-4;
// an intervention's slice of a prompt's activation.
constexpr double kSecondsPerSlice = 5e-6;

using Prompts = std::vector<std::vector<int>>;

double Seconds(const Model& model, double flops) { return flops / TypicalFlopsPerSecond(model.device()); }

double Tokens(const Prompts& prompts) {
  double tokens = 0;
  for (const std::vector<int>& prompt : prompts) tokens += static_cast<double>(prompt.size());
  return tokens;
}

double Run(const Model& model, const Prompts& prompts) {
  return Seconds(model, ForwardFlops(model.config(), prompts)) +
         static_cast<double>(prompts.size()) * kSecondsPerPrompt;
}

// Unembeds so many residual streams and reads their logits.
double ReadLogits(const Model& model, double rows) {
  return rows *
         (Seconds(model, UnembedFlops(model.config(), 1)) + model.config().d_vocab * kSecondsPerLogit + kSecondsPerRow);
}

// `request` is a forward or patched run's. The run itself, and what is answered about it.
template <typename Request>
double RunAndAnswer(const Model& model, const Request& request) {
  const ModelConfig& config = model.config();
  double seconds = Run(model, request.prompts) + ReadLogits(model, static_cast<double>(request.prompts.size()));
  if (request.logits.full_logits == LogitsPositions::kAll) {
    seconds += Tokens(request.prompts) * Seconds(model, UnembedFlops(config, 1));
  }
  const int64_t bytes = FullLogitsBytes(config, request.prompts, request.logits.full_logits) +
                        CaptureBytes(config, request.capture, request.prompts, request.roles, DTypeSize(model.dtype()));
  return seconds + static_cast<double>(bytes) * kSecondsPerByte;
}

// Positions that a selector selects at most.
double Positions(const PositionSelector& selector, const Prompts& prompts, const std::vector<PromptRoles>& roles) {
  const auto selected = SelectPositionsOfAll(selector, prompts, roles);
  return selected.ok() ? Tokens(*selected) : Tokens(prompts);
}

double Heads(const ModelConfig& config) { return static_cast<double>(config.n_layers) * config.n_heads; }

}  // namespace

double EstimateForward(const Model& model, const ForwardRequest& request) { return RunAndAnswer(model, request); }

double EstimatePatchedRun(const Model& model, const PatchedRunRequest& request) {
  const double unpatched = request.metric ? Run(model, request.prompts) : 0;
  const double slices = static_cast<double>(request.interventions.size()) * static_cast<double>(request.prompts.size());
  return RunAndAnswer(model, request) + unpatched + Run(model, request.source_prompts) + slices * kSecondsPerSlice;
}

double EstimateFilter(const Model& model, const PromptPairs& pairs) {
  double flops = 0;
  for (const PromptPair& pair : pairs) {
    flops += ForwardFlops(model.config(), 1, static_cast<int64_t>(pair.clean.size()));
  }
  const auto prompts = static_cast<double>(pairs.size());
  return 2 * (Seconds(model, flops) + prompts * kSecondsPerPrompt + ReadLogits(model, prompts));
}

double EstimateLogitLens(const Model& model, const LogitLensRequest& request) {
  const double positions = request.positions ? Positions(*request.positions, request.prompts, request.roles)
                                             : static_cast<double>(request.prompts.size());
  return Run(model, request.prompts) + ReadLogits(model, positions * (model.config().n_layers + 1));
}

double EstimateLogitAttribution(const Model& model, const Prompts& prompts) {
  // Each head's output at the last position, through W_O and then the answer's direction.
  const double d_model = model.config().d_model;
  const double flops = static_cast<double>(prompts.size()) * model.config().n_layers * 4 * d_model * d_model;
  return Run(model, prompts) + ReadLogits(model, static_cast<double>(prompts.size())) + Seconds(model, flops);
}

double EstimateAttention(const Model& model, const AttentionRequest& request) {
  double entries = 0;
  for (const std::vector<int>& prompt : request.prompts) {
    entries += Heads(model.config()) * static_cast<double>(prompt.size()) * static_cast<double>(prompt.size());
  }
  return Run(model, request.prompts) + entries * kSecondsPerPatternEntry +
         static_cast<double>(AttentionBytes(model.config(), request)) * kSecondsPerByte;
}

double EstimateOv(const Model& model, const HeadCircuitRequest& request) {
  const double positions = Positions(request.positions, request.prompts, request.roles);
  return Run(model, request.prompts) + ReadLogits(model, positions * Heads(model.config()));
}

double EstimateQk(const Model& model, const HeadCircuitRequest& request) {
  const auto members = static_cast<double>(request.sequence.size());
  const double flops = Heads(model.config()) * members * members * 2 * model.config().d_head;
  return Run(model, request.prompts) + Seconds(model, flops);
}

}  // namespace circuitd
