// The kinds of jobs that this server knows.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/job.pb.h"
#include "server/service/job_plan.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

// What a kind does with its specs. Errors name fields from the kind's own spec on: "threshold".
struct JobKind {
  // Checks what needs neither model nor files, but for model, prompts and circuits, which are not a kind's own.
  absl::Status (*validate)(const v1::JobSpec& spec);
  // Sets what a valid spec leaves to the server, and clears what has no meaning in it, so that specs that mean the same
  // are equal.
  void (*fill_defaults)(v1::JobSpec& spec);
  // Of its prompts.
  PairNeeds (*needs)(const v1::JobSpec& spec);
  // Checks what needs the model, too.
  absl::StatusOr<std::unique_ptr<JobPlan>> (*make)(JobMaterial material);
};

// Null if the spec has no kind.
const JobKind* KindOf(const v1::JobSpec& spec);

}  // namespace circuitd
