#include "server/service/joint_call.h"

#include <optional>
#include <utility>

#include "absl/algorithm/container.h"
#include "server/jobs/guarded_run.h"
#include "server/service/call_pipeline.h"
#include "server/service/device_turn.h"
#include "server/service/server_options.h"
#include "server/telemetry/metrics.h"

namespace circuitd {

bool JointCall::Take(JointWork& other) {
  auto* call = dynamic_cast<JointCall*>(&other);
  // In half precision even the shape of a batch shows in the answers.
  if (call == nullptr || call->model_ != model_ || model_->dtype() != DType::kFloat32) return false;
  const double seconds = together_.seconds + call->cost_.seconds;
  if (seconds > kLongSeconds) return false;
  const std::optional<BatchShare> share =
      Together(model_->config(), together_.share, call->cost_.share, parts_.options.memory_budget_bytes);
  if (!share) return false;
  const bool flops_known = together_.flops > 0 && call->cost_.flops > 0;
  together_ = {seconds, flops_known ? together_.flops + call->cost_.flops : 0, *share};
  taken_.push_back(call);
  return true;
}

std::vector<absl::Status> JointCall::Run() {
  std::vector<JointCall*> calls = {this};
  calls.insert(calls.end(), taken_.begin(), taken_.end());
  std::vector<JointPart*> parts;
  for (JointCall* call : calls) parts.push_back(call->part_.get());
  parts_.metrics.CallsRanTogether(static_cast<int>(calls.size()));

  DeviceTurn turn(parts_, *model_);
  std::vector<absl::Status> statuses = RunTogether(*model_, parts, turn.Options());
  const bool all_done = absl::c_all_of(statuses, [](const absl::Status& status) { return status.ok(); });
  const double seconds = turn.Stop(all_done ? together_.flops : 0);
  for (size_t i = 0; i < calls.size(); ++i) {
    if (!statuses[i].ok()) continue;
    const double share = together_.seconds > 0 ? calls[i]->cost_.seconds / together_.seconds : 1;
    statuses[i] = RunGuarded([&] {
      calls[i]->answer_(seconds * share);
      return absl::OkStatus();
    });
  }
  return statuses;
}

}  // namespace circuitd
