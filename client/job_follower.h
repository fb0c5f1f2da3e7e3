// Watches a job to its end through lost connections.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "circuitd/v1/job.pb.h"
#include "client/back_off.h"
#include "client/canceller.h"
#include "client/client.h"

namespace circuitd::client {

struct FollowOptions {
  // Events up to this one are not wanted.
  uint64_t after_sequence = 0;
  BackOffPolicy back_off;
  // How long to try until the server is heard for the first time, if that is shorter than the back-off's: perhaps
  // nobody is there.
  absl::Duration reach_within = absl::InfiniteDuration();
  // Called before each wait for another attempt.
  std::function<void(const absl::Status& error, absl::Duration wait)> on_reconnect;
  Canceller* canceller = nullptr;
};

// True for SUCCEEDED, FAILED and CANCELLED.
bool IsTerminal(v1::JobState state);

// Hands every message of the watch to `receive`, in the calling thread, each event once and in order, until the job has
// ended, and returns the ended job. When the stream breaks (UNAVAILABLE, or an end before the job's) it is taken up
// after the last event received, and begins with the job again; a restart of the server is bridged that way. The
// statuses of `receive` and of the server are passed on; CANCELLED when the canceller was used, DATA_LOSS when the
// server left events out.
absl::StatusOr<v1::Job> FollowJob(Client& client, const std::string& job_name, const FollowOptions& options,
                                  const Client::Receiver<v1::WatchJobResponse>& receive);

}  // namespace circuitd::client
