#include "server/jobs/job_life.h"

#include <algorithm>
#include <cassert>
#include <optional>
#include <utility>

namespace circuitd {
namespace {

absl::Time NotBefore(const JobRecord& record, absl::Time now) {
  return std::max({now, record.created, record.started});
}

}  // namespace

bool MayEnter(JobState from, JobState to) {
  if (HasEnded(from)) return false;
  return from == JobState::kQueued ? to != JobState::kQueued : to != JobState::kRunning;
}

JobEvent BeQueued(JobRecord& record, absl::Time now) {
  record.created = now;
  record.state = JobState::kQueued;
  return {++record.last_sequence, now, JobState::kQueued, ""};
}

JobEvent Enter(JobRecord& record, JobState state, absl::Time now, absl::Status error) {
  assert(MayEnter(record.state, state));
  const absl::Time time = NotBefore(record, now);
  record.state = state;
  if (state == JobState::kRunning && record.started == absl::InfinitePast()) record.started = time;
  if (HasEnded(state)) record.ended = time;
  record.error = std::move(error);
  return {++record.last_sequence, time, state, ""};
}

JobEvent Happen(JobRecord& record, std::string payload, std::string progress, absl::Time now) {
  record.progress = std::move(progress);
  return {++record.last_sequence, NotBefore(record, now), std::nullopt, std::move(payload)};
}

}  // namespace circuitd
