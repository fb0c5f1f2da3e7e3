// A pruning job's progress as text: pure functions of what the events said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "circuitd/v1/job.pb.h"

namespace circuitd::client {

// What a bar shows. Made of the job and its events; not thread-safe.
class JobProgressView {
 public:
  void Update(const v1::Job& job);
  void Update(const v1::JobEvent& event);

  // One line of at most `width` columns: state, share of the iteration, rate, time left, what is kept and the last
  // decision. The less important ones are left out of a narrow line.
  std::string RenderBar(size_t width) const;

  v1::JobState state() const { return state_; }

 private:
  v1::JobState state_ = v1::JOB_STATE_UNSPECIFIED;
  uint32_t queue_position_ = 0;
  v1::JobProgress progress_;
  // Decisions before the current iteration.
  uint64_t iteration_start_ = 0;
  bool has_decision_ = false;
  v1::PruningDecision decision_;
};

// "[#####-----]", `width` columns with the brackets; at least 2.
std::string ProgressBar(double share, size_t width);

// "A3.1 97.10% removed".
std::string DecisionText(const v1::PruningDecision& decision);

// "running", "succeeded".
std::string StateName(v1::JobState state);

}  // namespace circuitd::client
