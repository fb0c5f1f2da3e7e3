#include "server/service/job_estimates.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "base/status.h"
#include "server/model/forward.h"
#include "server/model/forward_flops.h"
#include "server/service/server_options.h"
#include "server/service/speed_meter.h"

namespace circuitd {

v1::CostEstimate EstimateJob(const JobPlan& plan, const JobCost& cost, double flops_per_second) {
  v1::CostEstimate proto;
  proto.set_candidates_per_iteration(cost.steps_per_iteration);
  size_t prompts = 0;
  for (const JobPrompts& source : plan.material().prompts) prompts += source.pairs.size();
  proto.set_prompt_count(prompts);
  proto.set_micro_batch_prompts(cost.micro_batch_prompts);
  proto.set_memory_bytes(cost.memory_bytes);
  proto.set_seconds_per_iteration(cost.flops_per_iteration / flops_per_second);
  return proto;
}

absl::Duration EstimateDuration(const ServerParts& parts, const JobPlan& plan, const JobCost& cost) {
  const std::string& device = plan.model().device();
  const double speed = parts.speed.Get(device).value_or(TypicalFlopsPerSecond(device));
  return absl::Seconds(cost.iterations * cost.flops_per_iteration / speed);
}

absl::Status MeasureSpeed(const ServerParts& parts, const JobPlan& plan, const Checkpoint& checkpoint) {
  using Clock = std::chrono::steady_clock;
  constexpr size_t kMostPrompts = 32;
  const PromptPairs& pairs = plan.material().prompts.front().pairs;
  ForwardRequest request;
  for (size_t i = 0; i < std::min(kMostPrompts, pairs.size()); ++i) request.prompts.push_back(pairs[i].clean);
  const double flops = ForwardFlops(plan.model().config(), request.prompts);
  const ForwardOptions options{parts.options.memory_budget_bytes, checkpoint};
  const std::string& device = plan.model().device();
  double seconds = 0;
  double done = 0;
  // The first round warms up; for a small model it takes several until they are long enough to count.
  for (int round = 0; !parts.speed.Get(device); ++round) {
    const Clock::time_point start = Clock::now();
    RETURN_IF_ERROR(RunForward(plan.model(), request, options, TensorSink()).status());
    if (round == 0) continue;
    seconds += std::chrono::duration<double>(Clock::now() - start).count();
    done += flops;
    parts.speed.Add(device, done, seconds);
  }
  return absl::OkStatus();
}

}  // namespace circuitd
