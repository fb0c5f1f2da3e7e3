#include "server/patching/patched_run_limits.h"

#include <algorithm>

#include "server/model/forward_flops.h"
#include "server/model/metric_values.h"
#include "server/model/prompt_length.h"
#include "server/patching/intervention_hooks.h"
#include "server/patching/intervention_work.h"

namespace circuitd {
namespace {

// What changing the value of one hook point takes while it is visited, for each token.
int64_t ChangingBytesPerToken(const ModelConfig& config, HookKind kind, int64_t longest, int64_t element_size) {
  // The value itself, where it is made for its hook point alone, and what the network makes of it; its copy, slices of
  // it, what they change to, and what comes from the request, in float64 on its way.
  constexpr int64_t kCopies = 7;
  const int64_t values = ElementsPerToken(config, kind, longest) * (kCopies * element_size + int64_t{sizeof(double)});
  // Five numbers for each place, on the host, in vectors that have grown to twice their need, and on the device.
  const int64_t places = AxesOf(kind) == HookAxes::kHeadsQueryKey ? longest : 1;
  return values + places * 15 * int64_t{sizeof(int64_t)};
}

// How much longer a pass over prompts takes with interventions. Relative to the pass, what they take for each key grows
// with a prompt's length, and what they take for each prompt shrinks.
double Slowdown(const Gpt2& network, const PatchedRunRequest& request) {
  const auto [shortest, longest] = std::minmax_element(
      request.prompts.begin(), request.prompts.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
  double slowdown = 1;
  for (const int64_t length : {shortest->size(), longest->size()}) {
    const double of_pass = ForwardFlops(network.config(), 1, length);
    slowdown = std::max(slowdown, 1 + InterventionFlops(network, request, length) / of_pass);
  }
  return slowdown;
}

}  // namespace

MicroBatchLimits PatchedRunLimits(const Gpt2& network, const PatchedRunRequest& request, const HookMeans& means,
                                  int64_t budget_bytes) {
  MicroBatchLimits limits =
      request.metric ? MetricLimits(network, budget_bytes) : LimitsFor(network.device(), network.dtype(), budget_bytes);
  const ModelConfig& config = network.config();
  const int64_t longest = LongestPrompt(request.prompts);

  int64_t kept = 0, changing = 0;
  for (const HookPoint point : HooksOf(request, Ablation::kResample)) {
    kept += ElementsPerToken(config, point.kind, longest) * limits.element_size;
  }
  for (const Intervention& intervention : request.interventions) {
    changing = std::max(changing, ChangingBytesPerToken(config, intervention.hook.kind, longest, limits.element_size));
  }
  limits.extra_bytes_per_token =
      kept + changing + CaptureBytesPerToken(config, request.capture, longest, limits.element_size);
  for (const auto& [point, mean] : means) limits.budget_bytes -= static_cast<int64_t>(mean.nbytes());
  limits.budget_bytes = std::max<int64_t>(limits.budget_bytes, 1);
  limits.max_flops /= Slowdown(network, request);
  return limits;
}

}  // namespace circuitd
