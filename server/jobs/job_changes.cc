// How changes of jobs reach the store, and what becomes of those that can't.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/jobs/job_life.h"
#include "server/jobs/job_manager.h"

namespace circuitd {
namespace {

constexpr absl::Duration kFirstWait = absl::Seconds(1);
constexpr absl::Duration kLongestWait = absl::Minutes(1);

}  // namespace

void JobManager::BackOff::Next(std::string reason, absl::Duration now) {
  why = std::move(reason);
  wait = std::clamp(wait * 2, kFirstWait, kLongestWait);
  until = now + wait;
}

absl::Status JobManager::Store(const JobRecord& record, const JobEvent& event) {
  RETURN_IF_ERROR(store_->Update(record, event));
  log_.Append(record.id, event, record.progress);
  Wake(record.id);
  return absl::OkStatus();
}

void JobManager::StoreOrHold(JobRecord record, JobEvent event, News& news) {
  const absl::Status status = Store(record, event);
  if (!status.ok()) {
    const std::string why = absl::StrCat("its change to ", JobStateName(record.state),
                                         " can't be stored: ", absl::string_view(status.message()));
    const std::string id = record.id;
    Hold(id, std::make_pair(std::move(record), std::move(event)), why);
    news.store_errors.push_back(status);
    return;
  }
  news.changed.push_back(record);
  if (HasEnded(record.state)) {
    Drop(record, news);
  } else if (record.state == JobState::kQueued) {
    held_.erase(record.id);
    SetTimers(record);
    MakeReady(record, news);
  }
}

void JobManager::Hold(const std::string& id, std::optional<std::pair<JobRecord, JobEvent>> change, std::string why) {
  Held& held = held_[id];
  held.change = std::move(change);
  held.back_off.Next(std::move(why), options_.uptime());
  TimersChanged();
}

void JobManager::RetryHeld(const std::string& id, News& news) {
  const auto place = held_.find(id);
  if (place == held_.end()) return;
  if (place->second.change) {
    auto [record, event] = *place->second.change;
    return StoreOrHold(std::move(record), std::move(event), news);
  }
  // How long it has waited is forgotten when something of it is stored again.
  place->second.back_off.until = absl::InfiniteDuration();
  const absl::StatusOr<JobRecord> record = store_->Get(id);
  if (!record.ok()) {
    news.store_errors.push_back(record.status());
    return Hold(id, std::nullopt, std::string(record.status().message()));
  }
  MakeReady(*record, news);
}

void JobManager::WaitAgain(JobRecord record, const std::string& why, News& news) {
  RemoveUnstoredFiles(record.id);
  // Whatever becomes of the change, it waits.
  SetTimers(record);
  JobEvent event = Enter(record, JobState::kQueued, options_.clock());
  if (why.empty()) return StoreOrHold(std::move(record), std::move(event), news);
  const absl::Status status = Store(record, event);
  const std::string id = record.id;
  if (status.ok()) {
    news.changed.push_back(std::move(record));
    Hold(id, std::nullopt, why);
  } else {
    Hold(id, std::make_pair(std::move(record), std::move(event)), why);
  }
}

void JobManager::MakeReady(const JobRecord& record, News& news) {
  if (bodies_.count(record.id) == 0) return;
  queue_.Push({record.id, record.device, record.owner, record.priority, record.number, record.estimate});
  news.devices.insert(record.device);
}

void JobManager::SetTimers(const JobRecord& record) {
  waiting_[record.id] = record.owner;
  if (record.deadline < absl::InfiniteFuture()) {
    deadlines_.emplace(record.id, Deadline{record.deadline, record.deadline});
  }
  if (record.cancel_unwatched) cancel_unwatched_.insert(record.id);
  if (record.cancel_unwatched && !watchers_.IsWatched(record.id)) {
    unwatched_until_.emplace(record.id, options_.uptime() + options_.first_watch_grace);
  }
  TimersChanged();
}

bool JobManager::HasUnstoredEnd(const std::string& id) const {
  const auto held = held_.find(id);
  return held != held_.end() && held->second.change && HasEnded(held->second.change->first.state);
}

absl::Status JobManager::EndWaiting(const std::string& id, JobState state, absl::Status error, News& news) {
  ASSIGN_OR_RETURN(JobRecord record, store_->Get(id));
  if (HasEnded(record.state)) {
    return absl::FailedPreconditionError(
        absl::StrCat("jobs/", id, ": has ended already (", JobStateName(record.state), ")"));
  }
  if (HasUnstoredEnd(id)) {
    return absl::FailedPreconditionError(absl::StrCat("jobs/", id, ": has ended already; ", held_.at(id).back_off.why));
  }
  const JobEvent event = Enter(record, state, options_.clock(), std::move(error));
  RETURN_IF_ERROR(Store(record, event));
  Drop(record, news);
  news.changed.push_back(std::move(record));
  return absl::OkStatus();
}

void JobManager::RemoveUnstoredFiles(const std::string& id) {
  const auto files = unstored_files_.extract(id);
  if (!files) return;
  for (const std::string& sha256 : files.mapped()) {
    RemoveFileUnlessUsed(sha256);
  }
}

void JobManager::Drop(const JobRecord& record, News& news) {
  queue_.Remove(record.id);
  if (auto body = bodies_.extract(record.id)) news.dropped.push_back(std::move(body.mapped()));
  unprovided_.erase(record.id);
  waiting_.erase(record.id);
  held_.erase(record.id);
  cancel_unwatched_.erase(record.id);
  // A job that was stopped after all leaves none.
  RemoveUnstoredFiles(record.id);
  deadlines_.erase(record.id);
  unwatched_until_.erase(record.id);
  log_.Release(record.id);
  // The new end may be one too many.
  next_retention_ = -absl::InfiniteDuration();
  TimersChanged();
}

JobView JobManager::ViewLocked(JobRecord record, Plans& plans) const {
  JobView view;
  const auto unprovided = unprovided_.find(record.id);
  if (const auto held = held_.find(record.id); held != held_.end() && held->second.back_off.Waits()) {
    view.held_back_by = held->second.back_off.why;
  } else if (unprovided != unprovided_.end()) {
    view.held_back_by = unprovided->second.back_off.why;
  } else if (queue_.Waits(record.id)) {
    auto plan = plans.find(record.device);
    if (plan == plans.end()) {
      plan = plans.emplace(record.device, queue_.Plan(record.device, RunningOn(record.device))).first;
    }
    const auto place = std::find_if(plan->second.begin(), plan->second.end(),
                                    [&](const FairQueue::Planned& planned) { return planned.id == record.id; });
    view.queue_position = place - plan->second.begin();
    if (place != plan->second.end() && place->begins_in) view.estimated_start = options_.clock() + *place->begins_in;
  }
  view.record = std::move(record);
  return view;
}

JobView JobManager::ViewLocked(JobRecord record) const {
  Plans plans;
  return ViewLocked(std::move(record), plans);
}

std::string JobManager::JobOn(const std::string& device) const {
  MutexLock lock(mutex_);
  for (const auto& [id, running] : running_) {
    if (running.job.device == device) return id;
  }
  return "";
}

std::optional<FairQueue::Running> JobManager::RunningOn(const std::string& device) const {
  for (const auto& [id, running] : running_) {
    if (running.job.device != device) continue;
    if (running.remaining == absl::ZeroDuration()) return FairQueue::Running{running.job.owner, std::nullopt};
    const absl::Duration left = running.remaining - (options_.uptime() - running.known_at);
    return FairQueue::Running{running.job.owner, std::max(left, absl::ZeroDuration())};
  }
  return std::nullopt;
}

}  // namespace circuitd
