#include "client/job_follower.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "client/retry.h"

namespace circuitd::client {
namespace {

RetryOptions RetriesOf(const FollowOptions& options, absl::Duration give_up_after) {
  RetryOptions retries;
  retries.back_off = options.back_off;
  retries.back_off.give_up_after = std::min(options.back_off.give_up_after, give_up_after);
  retries.canceller = options.canceller;
  retries.on_wait = options.on_reconnect;
  return retries;
}

}  // namespace

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
  std::optional<Retry> retry(std::in_place, RetriesOf(options, options.reach_within));
  while (true) {
    const auto on_message = [&](const v1::WatchJobResponse& response) -> absl::Status {
      if (std::exchange(heard, true)) {
        retry->Heard();
      } else {
        retry.emplace(RetriesOf(options, absl::InfiniteDuration()));
      }
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
    const auto cancelled = [&] { return options.canceller != nullptr && options.canceller->cancelled(); };
    if (!cancelled()) {
      // Nobody here did that: a server that is going ends calls so that come too late to be told.
      if (absl::IsCancelled(status)) status = absl::UnavailableError(status.message());
      if (status.ok() && IsTerminal(job.state())) return job;
      if (status.ok())
        status = absl::UnavailableError(absl::StrCat("the stream of ", job_name, " ended before the job"));
      if (retry->WaitAfter(status)) continue;
    }
    return cancelled() ? absl::CancelledError(absl::StrCat("no longer watching ", job_name)) : status;
  }
}

}  // namespace circuitd::client
