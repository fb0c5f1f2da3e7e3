#include "server/patching/intervention_work.h"

#include <algorithm>
#include <map>

#include "server/model/forward_flops.h"
#include "server/model/hook_sizes.h"
#include "server/patching/intervention_selection.h"

namespace circuitd {
namespace {

// What is done to an element on the device: it is copied, taken, changed and put back.
constexpr double kFlopsOfElement = 2000;
// What is done on the host, by one thread, for a place, for an element of noise, and for a step of choosing positions.
constexpr double kSecondsOfPlace = 20e-9, kSecondsOfNoise = 30e-9, kSecondsOfStep = 1e-9;

// The interventions on one hook point.
struct HookUse {
  int64_t interventions = 0;
  bool noise = false;
};

}  // namespace

double InterventionFlops(const Gpt2& network, const PatchedRunRequest& request, int64_t length) {
  const ModelConfig& config = network.config();
  std::map<HookPoint, HookUse, HookPointLess> uses;
  double on_device = 0, on_host = 0;
  for (const Intervention& intervention : request.interventions) {
    HookUse& use = uses[intervention.hook];
    ++use.interventions;
    use.noise = use.noise || std::holds_alternative<AddNoise>(intervention.action);
    on_host += kSecondsOfStep * static_cast<double>(ChoosingSteps(intervention, length));
  }
  for (const auto& [hook, use] : uses) {
    // No slice has two interventions, so that together they have the hook point's elements at most. What differs only
    // in its head, and belongs to one intervention, is one place.
    const double elements = static_cast<double>(ElementsPerToken(config, hook.kind, length) * length);
    const int64_t pairs = AxesOf(hook.kind) == HookAxes::kHeadsQueryKey ? (length + 1) * length / 2 : length;
    const int64_t at_a_place = AxesOf(hook.kind) == HookAxes::kPos ? 1 : config.n_heads;
    on_device += kFlopsOfElement * elements;
    on_host += kSecondsOfPlace * static_cast<double>(std::min(use.interventions, at_a_place) * pairs);
    if (use.noise) on_host += kSecondsOfNoise * elements;
  }
  return on_device + on_host * TypicalFlopsPerSecond(network.device().str());
}

}  // namespace circuitd
