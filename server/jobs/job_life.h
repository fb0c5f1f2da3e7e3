// The states of a job and the ways between them (AIP-216).
//
//   queued -> running -> succeeded, failed, cancelled
//   queued -> failed (its deadline), cancelled, succeeded (an equal job's result)
//   running -> queued (it makes room, or the server was restarted)
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/jobs/store/job.h"

namespace circuitd {

bool MayEnter(JobState from, JobState to);

// The first event of a job that is queued at `now`.
JobEvent BeQueued(JobRecord& record, absl::Time now);

// Brings the record into `state` and returns the event that says so, the record's next. `error` is that of a job that
// failed or was cancelled. No time is before the job's creation and start, whatever the clock does. May only be called
// for a state that may be entered.
JobEvent Enter(JobRecord& record, JobState state, absl::Time now, absl::Status error = absl::OkStatus());

// The record's next event, with a payload; `progress` is the job's from then on.
JobEvent Happen(JobRecord& record, std::string payload, std::string progress, absl::Time now);

}  // namespace circuitd
