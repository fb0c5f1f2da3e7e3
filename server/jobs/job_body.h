// What a job runs, as its manager sees it.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/jobs/store/job.h"

namespace circuitd {

// What a running job sees of its surroundings. Used on the worker's thread only.
class JobContext {
 public:
  virtual ~JobContext() = default;
  // To be called before each forward pass: lets waiting calls in, then says whether the job is to stop: CANCELLED or
  // DEADLINE_EXCEEDED for good, ABORTED if it will be run again.
  virtual absl::Status Checkpoint() = 0;
  // Appends an event; `progress` is the job's from then on, `remaining` the time that is left (zero: unknown).
  virtual void Emit(std::string payload, std::string progress, absl::Duration remaining) = 0;
  // Payloads of the events that earlier runs of this job have emitted, in order, and the last one's progress.
  virtual const std::vector<std::string>& past_events() const = 0;
  virtual const std::string& past_progress() const = 0;
};

struct JobOutcome {
  std::string result;
  std::vector<ArtifactFile> artifacts;
};

// May be run several times, one run after the other: each but the last was stopped by its checkpoint, and the next is
// to go on where the events end.
using JobBody = std::function<absl::StatusOr<JobOutcome>(JobContext&)>;

}  // namespace circuitd
