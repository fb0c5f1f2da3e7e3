// The runs of an evaluation, one after the other: those of an earlier evaluation stand, the others are made.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "server/circuit/evaluation/evaluation.h"

namespace circuitd {

class RunLog {
 public:
  // `run_count` runs in all. What is handed in has to outlive this.
  RunLog(int64_t run_count, const std::function<void(const EvaluationStep&)>& on_step,
         absl::Span<const EvaluationStep> made)
      : run_count_(run_count), on_step_(on_step), made_(made) {}

  // The metric of the next run: as it was made before, or as `measure` has it, which on_step hears of. DATA_LOSS if
  // another run was made, or its metric is no finite number; FAILED_PRECONDITION if `measure` finds one that is not.
  absl::StatusOr<double> Next(int circuit, int task, const std::string& run,
                              absl::FunctionRef<absl::StatusOr<double>()> measure);

  // How many of the runs to come were made before.
  int64_t made_ahead() const { return std::max<int64_t>(0, static_cast<int64_t>(made_.size()) - next_); }

  // After the last run: DATA_LOSS if more were made than there are.
  absl::Status Finish() const;

  int64_t run_count() const { return run_count_; }

 private:
  absl::Status CheckMade(const EvaluationStep& made, const EvaluationStep& step) const;

  const int64_t run_count_;
  const std::function<void(const EvaluationStep&)>& on_step_;
  const absl::Span<const EvaluationStep> made_;
  int64_t next_ = 0;
};

}  // namespace circuitd
