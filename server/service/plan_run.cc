#include "server/service/plan_run.h"

#include <algorithm>

#include "circuitd/v1/job.pb.h"
#include "server/service/convert_job.h"

namespace circuitd {

absl::Status PlanRun::Begin() {
  v1::JobProgress progress;
  if (!progress.ParseFromString(context_.past_progress())) return absl::DataLossError("stored progress is damaged");
  worked_before_ = FromProto(progress.elapsed());
  return absl::OkStatus();
}

void PlanRun::CountWork() {
  const std::chrono::duration<double> seconds = Clock::now() - working_since_;
  working_since_ = Clock::now();
  metrics_.ForwardSeconds(seconds.count());
}

Checkpoint PlanRun::checkpoint() {
  return [this] { return Pause(); };
}

// Between two forwards others may have the device; their time is not this job's.
absl::Status PlanRun::Pause() {
  CountWork();
  absl::Status status = context_.Checkpoint();
  working_since_ = Clock::now();
  return status;
}

void PlanRun::Emit(const google::protobuf::MessageLite& event, Steps steps) {
  const absl::Duration elapsed = worked_before_ + absl::FromChrono(Clock::now() - start_);
  const double done = static_cast<double>(std::max<int64_t>(steps.done, 1));
  absl::Duration remaining = elapsed * (static_cast<double>(steps.left) / done);
  v1::JobProgress progress;
  progress.set_steps_done(steps.done);
  progress.set_steps_left(steps.left);
  progress.set_iteration(steps.iteration);
  *progress.mutable_elapsed() = ToProto(elapsed);
  *progress.mutable_remaining_estimate() = ToProto(remaining);
  // Zero would be: unknown.
  remaining = std::max(remaining, absl::Milliseconds(1));
  context_.Emit(event.SerializeAsString(), progress.SerializeAsString(), remaining);
}

void PlanRun::EmitDecision(const google::protobuf::MessageLite& event, Steps steps) {
  metrics_.DecisionMade();
  Emit(event, steps);
}

}  // namespace circuitd
