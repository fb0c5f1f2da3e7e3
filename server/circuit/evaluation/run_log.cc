#include "server/circuit/evaluation/run_log.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd {
namespace {

std::string Describe(const EvaluationStep& step) {
  return absl::StrCat("\"", step.run, "\" of circuits[", step.circuit, "] on tasks[", step.task, "]");
}

}  // namespace

absl::StatusOr<double> RunLog::Next(int circuit, int task, const std::string& run,
                                    absl::FunctionRef<absl::StatusOr<double>()> measure) {
  const bool is_made = made_ahead() > 0;
  EvaluationStep step{next_++, circuit, task, run, 0, 0};
  step.steps_left = run_count_ - next_;
  if (is_made) {
    const EvaluationStep& made = made_[step.index];
    RETURN_IF_ERROR(CheckMade(made, step));
    return made.metric;
  }
  ASSIGN_OR_RETURN(step.metric, measure());
  if (!std::isfinite(step.metric)) {
    return absl::FailedPreconditionError(absl::StrCat("the metric of ", Describe(step), " is ", step.metric));
  }
  if (on_step_) on_step_(step);
  return step.metric;
}

absl::Status RunLog::CheckMade(const EvaluationStep& made, const EvaluationStep& step) const {
  const auto lost = [&](const auto&... what) {
    return absl::DataLossError(absl::StrCat("run ", step.index, " of an earlier evaluation ", what...));
  };
  if (made.index != step.index) return lost("has the index ", made.index);
  if (made.circuit != step.circuit || made.task != step.task || made.run != step.run) {
    return lost("is ", Describe(made), ", this one's is ", Describe(step));
  }
  if (!std::isfinite(made.metric)) return lost("has the metric ", made.metric);
  return absl::OkStatus();
}

absl::Status RunLog::Finish() const {
  if (made_ahead() == 0) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("an earlier evaluation made ", made_.size(), " runs, this one ends after ", next_));
}

}  // namespace circuitd
