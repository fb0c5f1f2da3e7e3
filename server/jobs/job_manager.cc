#include "server/jobs/job_manager.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"
#include "server/jobs/job_id.h"
#include "server/jobs/queue_full.h"
#include "server/jobs/stop_request.h"

namespace circuitd {
namespace {

absl::Status ShuttingDown() { return absl::UnavailableError("the server is shutting down"); }

}  // namespace

JobManager::JobManager(Options options, std::unique_ptr<JobStore> store, Hooks hooks)
    : options_(options), hooks_(std::move(hooks)), store_(std::move(store)) {
  deadline_thread_ = std::thread([this] { KeepDeadlines(); });
  wake_thread_ = std::thread([this] { KeepWatchersAwake(); });
}

JobManager::~JobManager() {
  {
    MutexLock lock(mutex_);
    closing_ = true;
    deadlines_changed_.SignalAll();
    to_wake_changed_.SignalAll();
  }
  deadline_thread_.join();
  wake_thread_.join();
}

absl::Status JobManager::CheckRoom() const {
  MutexLock lock(mutex_);
  return CheckRoomLocked();
}

absl::Status JobManager::CheckRoomLocked() const {
  if (!accepting_) return ShuttingDown();
  if (queue_.size() < static_cast<size_t>(options_.max_queued_jobs)) return absl::OkStatus();
  return QueueFullError(absl::StrCat("the job queue is full: ", queue_.size(), " jobs wait, max_queued_jobs is ",
                                     options_.max_queued_jobs));
}

absl::StatusOr<std::optional<JobView>> JobManager::FindRequest(const JobRequest& request) const {
  MutexLock lock(mutex_);
  return FindRequestLocked(request);
}

absl::StatusOr<std::optional<JobView>> JobManager::FindRequestLocked(const JobRequest& request) const {
  if (request.request_id.empty()) return std::nullopt;
  const auto known = requests_.find({request.owner, request.request_id});
  if (known == requests_.end()) return std::nullopt;
  ASSIGN_OR_RETURN(JobRecord record, store_->Get(known->second));
  if (record.request_fingerprint != request.request_fingerprint) {
    return FieldError(absl::StatusCode::kAlreadyExists, "request_id",
                      absl::StrCat("\"", request.request_id, "\" belongs to jobs/", record.id,
                                   ", which was submitted with another spec"));
  }
  return ViewLocked(std::move(record));
}

absl::StatusOr<JobView> JobManager::Submit(JobRequest request) {
  JobRecord record;
  JobView view;
  {
    MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(std::optional<JobView> known, FindRequestLocked(request));
    if (known) return *std::move(known);
    RETURN_IF_ERROR(CheckRoomLocked());
    record.id = NewJobId();
    record.number = next_number_++;
    record.owner = request.owner;
    record.request_id = request.request_id;
    record.request_fingerprint = request.request_fingerprint;
    record.device = request.device;
    record.spec = std::move(request.spec);
    record.priority = request.priority;
    record.deadline = request.deadline;
    record.created = absl::Now();
    RETURN_IF_ERROR(store_->Put(record));
    Enter(record, JobState::kQueued);
    if (!record.request_id.empty()) requests_[{record.owner, record.request_id}] = record.id;
    bodies_[record.id] = std::move(request.body);
    queue_.Push(record.device, record.priority, record.number, record.id);
    if (record.deadline < absl::InfiniteFuture()) {
      deadlines_.emplace(record.deadline, record.id);
      deadlines_changed_.SignalAll();
    }
    view = ViewLocked(record);
  }
  Announce(record);
  if (hooks_.queued) hooks_.queued(record.device);
  return view;
}

absl::StatusOr<JobRecord> JobManager::GetLocked(absl::string_view id) const {
  absl::StatusOr<JobRecord> record = store_->Get(id);
  if (!record.ok() || forgotten_.count(std::string(id)) > 0) {
    return absl::NotFoundError(absl::StrCat("jobs/", id, ": no such job"));
  }
  return record;
}

JobView JobManager::ViewLocked(JobRecord record) const {
  JobView view{std::move(record), 0};
  view.queue_position = queue_.Position(view.record.id).value_or(0);
  return view;
}

absl::StatusOr<JobView> JobManager::Get(absl::string_view id) const {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(JobRecord record, GetLocked(id));
  return ViewLocked(std::move(record));
}

std::vector<JobView> JobManager::List() const {
  MutexLock lock(mutex_);
  std::vector<JobRecord> records = store_->List();
  std::vector<JobView> views;
  views.reserve(records.size());
  for (auto record = records.rbegin(); record != records.rend(); ++record) {
    if (forgotten_.count(record->id) == 0) views.push_back(ViewLocked(std::move(*record)));
  }
  return views;
}

absl::StatusOr<JobView> JobManager::Cancel(absl::string_view id) {
  JobRecord record;
  JobBody body;
  {
    MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(record, GetLocked(id));
    if (HasEnded(record.state)) {
      return absl::FailedPreconditionError(
          absl::StrCat("jobs/", id, ": has ended already (", JobStateName(record.state), ")"));
    }
    if (record.state == JobState::kRunning) {
      const auto running = running_.find(record.id);
      if (running == running_.end()) return absl::InternalError(absl::StrCat("jobs/", id, ": the store failed"));
      running->second->Ask(absl::CancelledError("cancelled on request"));
      return ViewLocked(std::move(record));
    }
    body = std::move(bodies_[record.id]);
    End(record, JobState::kCancelled, absl::CancelledError("cancelled on request"));
  }
  Announce(record);
  return JobView{std::move(record), 0};
}

absl::Status JobManager::Delete(absl::string_view id) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(const JobRecord record, GetLocked(id));
  if (!HasEnded(record.state)) {
    return absl::FailedPreconditionError(
        absl::StrCat("jobs/", id, ": has not ended (", JobStateName(record.state), "); cancel it first"));
  }
  ended_.erase(std::remove(ended_.begin(), ended_.end(), record.id), ended_.end());
  Forget(record.id);
  return absl::OkStatus();
}

absl::StatusOr<std::pair<ArtifactInfo, std::shared_ptr<const std::string>>> JobManager::GetArtifact(
    absl::string_view id, absl::string_view name) const {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(const JobRecord record, GetLocked(id));
  if (record.state != JobState::kSucceeded) {
    return absl::NotFoundError(absl::StrCat("jobs/", id, ": has no artifacts, it is ", JobStateName(record.state)));
  }
  for (const ArtifactInfo& info : record.artifacts) {
    if (absl::string_view(info.name) != name) continue;
    ASSIGN_OR_RETURN(auto bytes, store_->GetArtifact(id, name));
    return std::make_pair(info, std::move(bytes));
  }
  return FieldError(absl::StatusCode::kNotFound, "artifact", absl::StrCat("jobs/", id, " has no \"", name, "\""));
}

absl::StatusOr<std::unique_ptr<JobWatch>> JobManager::Watch(absl::string_view id, uint64_t after_sequence,
                                                            std::function<void()> on_change) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(const JobRecord record, GetLocked(id));
  if (after_sequence > record.last_sequence) {
    return InvalidField("after_sequence",
                        absl::StrCat(after_sequence, ", the job's last event is ", record.last_sequence));
  }
  if (watchers_.size() >= static_cast<size_t>(options_.max_watches)) {
    return QueueFullError(absl::StrCat(watchers_.size(), " watches are open, max_watches is ", options_.max_watches));
  }
  auto watcher = std::make_shared<Watcher>(std::move(on_change));
  watchers_.Add(id, watcher);
  return std::unique_ptr<JobWatch>(new JobWatch(*this, record.id, after_sequence, std::move(watcher)));
}

void JobManager::StopAccepting() {
  std::vector<JobRecord> ended;
  std::map<std::string, JobBody> bodies;
  {
    MutexLock lock(mutex_);
    accepting_ = false;
    bodies.swap(bodies_);
    for (const auto& [id, body] : bodies) {
      queue_.Remove(id);
      absl::StatusOr<JobRecord> record = store_->Get(id);
      // What the store has lost can't be told to anybody.
      if (!record.ok()) continue;
      End(*record, JobState::kCancelled, absl::CancelledError("the server was shut down before the job began"));
      ended.push_back(*std::move(record));
    }
  }
  for (const JobRecord& record : ended) Announce(record);
}

void JobManager::CancelRunning() {
  MutexLock lock(mutex_);
  for (const auto& [id, stop] : running_) stop->Ask(absl::CancelledError("the server was shut down"));
}

bool JobManager::WaitUntilNoneRuns(absl::Time deadline) {
  const auto until =
      std::chrono::steady_clock::now() +
      absl::ToChronoNanoseconds(std::clamp(deadline - absl::Now(), absl::ZeroDuration(), absl::Hours(24 * 365)));
  MutexLock lock(mutex_);
  while (!running_.empty()) {
    if (!none_runs_.WaitUntil(mutex_, until)) return running_.empty();
  }
  return true;
}

int JobManager::queued_jobs() const {
  MutexLock lock(mutex_);
  return static_cast<int>(queue_.size());
}

void JobManager::Announce(const JobRecord& record) const {
  if (hooks_.changed) hooks_.changed(record);
}

void JobManager::Enter(JobRecord& record, JobState state) {
  const absl::Time now = absl::Now();
  record.state = state;
  if (state == JobState::kRunning) record.started = now;
  if (HasEnded(state)) record.ended = now;
  JobEvent event{record.last_sequence + 1, now, state, ""};
  record.last_sequence = event.sequence;
  absl::Status status = store_->AppendEvent(record.id, std::move(event));
  if (status.ok()) status = store_->Put(record);
  if (!status.ok()) {
    if (const auto running = running_.find(record.id); running != running_.end()) {
      running->second->Ask(std::move(status));
    }
  }
  Wake(record.id);
}

void JobManager::End(JobRecord& record, JobState state, absl::Status error) {
  queue_.Remove(record.id);
  bodies_.erase(record.id);
  deadlines_.erase({record.deadline, record.id});
  record.error = std::move(error);
  Enter(record, state);
  ended_.push_back(record.id);
  while (ended_.size() > static_cast<size_t>(options_.max_ended_jobs)) {
    const std::string oldest = ended_.front();
    ended_.pop_front();
    Forget(oldest);
  }
}

void JobManager::Forget(const std::string& id) {
  if (const absl::StatusOr<JobRecord> record = store_->Get(id); record.ok()) {
    requests_.erase({record->owner, record->request_id});
  }
  if (watchers_.IsWatched(id)) {
    forgotten_.insert(id);
  } else {
    store_->Delete(id).IgnoreError();
  }
}

void JobManager::CloseWatch(const std::string& id, const Watcher* watcher) {
  MutexLock lock(mutex_);
  watchers_.Remove(id, watcher);
  if (!watchers_.IsWatched(id) && forgotten_.erase(id) > 0) store_->Delete(id).IgnoreError();
}

}  // namespace circuitd
