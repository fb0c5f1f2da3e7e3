// What is asked of the JobManager, and what it says of a job.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "server/jobs/job_body.h"
#include "server/jobs/store/job.h"

namespace circuitd {

struct JobRequest {
  std::string owner;
  std::string request_id;           // empty: none
  std::string request_fingerprint;  // equal for equal requests
  std::string device;
  std::string spec;
  std::string input;       // what the body is made from again after a restart
  std::string result_key;  // equal for jobs with equal results; empty: it is computed in any case
  bool use_result = true;  // of an equal job that has succeeded
  int priority = 0;
  absl::Time deadline = absl::InfiniteFuture();
  bool cancel_unwatched = false;
  int64_t micro_batch_prompts = 0;
  absl::Duration estimate;  // of its run; zero: unknown
  JobBody body;
};

struct JobView {
  JobRecord record;
  // While it waits: jobs of its device that are to begin before it, and when it is to begin itself.
  size_t queue_position = 0;
  std::optional<absl::Time> estimated_start;
  std::string held_back_by;  // why it doesn't go on, if not for want of its turn
};

}  // namespace circuitd
