// A job's progress as text: pure functions of what the events said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "circuitd/v1/job.pb.h"
#include "client/cli/step_rate.h"

namespace circuitd::client {

// What a bar shows. Made of the job and its events; not thread-safe.
class JobProgressView {
 public:
  // A message of the watch. The job's state is that after its last event: the events before tell how it came to that.
  void Update(const v1::Job& job);
  void Update(const v1::JobEvent& event);
  // The job as it was asked for beside the watch, whose events come later or came earlier: only what a waiting job
  // waits for is taken from it.
  void Refresh(const v1::Job& job);

  // One line of at most `width` columns: state, share of the steps (of node pruning, of the iteration), rate, time
  // left, what is kept and the last decision or step. The less important ones are left out of a narrow line.
  std::string RenderBar(size_t width) const;

  v1::JobState state() const { return state_; }
  // Of the last decision or step; empty before the first one.
  const std::string& last_step() const { return last_step_; }
  // False while events are missing that were there when the watch began.
  bool up_to_date() const { return sequence_ >= job_sequence_; }
  // "queued, 2 before it, begins in about 3 min"; "queued again" once it has begun.
  std::string QueuedText() const;

 private:
  // As of now.
  void Take(const v1::JobProgress& progress);
  // Takes what the event says of a decision or step.
  void UpdateStep(const v1::JobEvent& event);
  // Decisions or steps up to now.
  uint64_t StepsDone() const;

  v1::JobState state_ = v1::JOB_STATE_UNSPECIFIED;
  uint64_t sequence_ = 0;
  // Of the last event that the job knew.
  uint64_t job_sequence_ = 0;
  bool begun_ = false;
  // While it waits, unless that isn't known.
  std::optional<v1::Job> waiting_;
  v1::JobSpec spec_;
  v1::JobProgress progress_;
  std::string last_step_;
  std::string kept_;
  StepRate rate_;
  // As the last event counts, or 0.
  uint64_t counted_ = 0;
  // Of node pruning: the last decision's, and decisions before it.
  std::optional<uint32_t> iteration_;
  uint64_t iteration_start_ = 0;
};

// "[#####-----]", `width` columns with the brackets; at least 2.
std::string ProgressBar(double share, size_t width);

// "running", "succeeded".
std::string StateName(v1::JobState state);

}  // namespace circuitd::client
