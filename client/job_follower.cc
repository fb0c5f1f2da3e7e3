#include "client/job_follower.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace circuitd::client {

bool IsTerminal(v1::JobState state) {
  return state == v1::JOB_STATE_SUCCEEDED || state == v1::JOB_STATE_FAILED || state == v1::JOB_STATE_CANCELLED;
}

absl::StatusOr<v1::Job> FollowJob(Client& client, const std::string& job_name, const FollowOptions& options,
                                  const Client::Receiver<v1::WatchJobResponse>& receive) {
  v1::WatchJobRequest request;
  request.set_name(job_name);
  request.set_after_sequence(options.after_sequence);
  v1::Job job;
  bool heard = false;
  BackOff back_off(options.back_off);
  while (true) {
    const auto on_message = [&](const v1::WatchJobResponse& response) -> absl::Status {
      heard = true;
      back_off.Reset();
      if (response.has_job()) {
        job = response.job();
      } else if (response.has_event()) {
        const uint64_t sequence = response.event().sequence();
        if (sequence <= request.after_sequence()) return absl::OkStatus();
        if (sequence != request.after_sequence() + 1) {
          return absl::DataLossError(
              absl::StrCat("event ", sequence, " of ", job_name, " came after event ", request.after_sequence()));
        }
        request.set_after_sequence(sequence);
      }
      return receive(response);
    };
    absl::Status status = client.WatchJob(request, on_message, options.canceller);
    if (options.canceller != nullptr && options.canceller->cancelled()) {
      return absl::CancelledError(absl::StrCat("no longer watching ", job_name));
    }
    if (status.ok()) {
      if (IsTerminal(job.state())) return job;
      status = absl::UnavailableError(absl::StrCat("the stream of ", job_name, " ended before the job"));
    }
    if (!absl::IsUnavailable(status) || (options.fail_fast && !heard) || back_off.exhausted()) return status;
    const absl::Duration wait = back_off.Next();
    if (options.on_reconnect) options.on_reconnect(status, wait);
    if (options.canceller != nullptr) {
      if (!options.canceller->Sleep(wait)) {
        return absl::CancelledError(absl::StrCat("no longer watching ", job_name));
      }
    } else {
      absl::SleepFor(wait);
    }
  }
}

}  // namespace circuitd::client
