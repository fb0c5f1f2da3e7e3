#include "server/jobs/job_manager.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/jobs/job_id.h"
#include "server/jobs/job_life.h"
#include "server/jobs/queue_full.h"
#include "server/jobs/stop_request.h"

namespace circuitd {

JobManager::JobManager(Options options, std::unique_ptr<JobStore> store, std::unique_ptr<ArtifactFolder> artifacts,
                       Hooks hooks)
    : options_(std::move(options)),
      hooks_(std::move(hooks)),
      artifacts_(std::move(artifacts)),
      store_(std::move(store)),
      log_(*store_),
      queue_(options_.shares) {
  timer_thread_ = std::thread([this] { KeepTime(); });
  wake_thread_ = std::thread([this] { KeepWatchersAwake(); });
}

JobManager::~JobManager() { Stop(); }

void JobManager::Stop() {
  {
    MutexLock lock(mutex_);
    closing_ = true;
    timers_changed_.SignalAll();
    to_wake_changed_.SignalAll();
  }
  if (timer_thread_.joinable()) timer_thread_.join();
  if (wake_thread_.joinable()) wake_thread_.join();
}

absl::Status JobManager::CheckRoom(const std::string& owner) const {
  MutexLock lock(mutex_);
  return CheckRoomLocked(owner);
}

absl::Status JobManager::CheckRoomLocked(const std::string& owner) const {
  if (!accepting_) return absl::UnavailableError("the server is shutting down");
  const size_t waiting = waiting_.size();
  if (waiting >= static_cast<size_t>(options_.max_queued_jobs)) {
    return QueueFullError(
        absl::StrCat("the job queue is full: ", waiting, " jobs wait, max_queued_jobs is ", options_.max_queued_jobs));
  }
  const size_t own =
      std::count_if(waiting_.begin(), waiting_.end(), [&](const auto& entry) { return entry.second == owner; });
  if (own < static_cast<size_t>(options_.max_queued_jobs_per_user)) return absl::OkStatus();
  return QueueFullError(
      absl::StrCat(owner.empty() ? "users without a name have " : absl::StrCat("user ", owner, " has "), own,
                   " jobs waiting, max_queued_jobs_per_user is ", options_.max_queued_jobs_per_user));
}

absl::StatusOr<std::optional<JobView>> JobManager::FindRequest(const JobRequest& request) const {
  MutexLock lock(mutex_);
  return FindRequestLocked(request);
}

absl::StatusOr<std::optional<JobView>> JobManager::FindRequestLocked(const JobRequest& request) const {
  if (request.request_id.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(std::optional<JobRecord> known, store_->FindRequest(request.owner, request.request_id));
  if (!known) return std::nullopt;
  if (known->request_fingerprint != request.request_fingerprint) {
    return FieldError(absl::StatusCode::kAlreadyExists, "request_id",
                      absl::StrCat("\"", request.request_id, "\" belongs to jobs/", known->id,
                                   ", which was submitted with another spec"));
  }
  return ViewLocked(*std::move(known));
}

absl::StatusOr<JobView> JobManager::Submit(JobRequest request) {
  News news;
  JobView view;
  {
    MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(std::optional<JobView> known, FindRequestLocked(request));
    if (known) return *std::move(known);
    JobRecord record;
    record.id = NewJobId();
    record.owner = request.owner;
    record.request_id = request.request_id;
    record.request_fingerprint = request.request_fingerprint;
    record.device = request.device;
    record.spec = std::move(request.spec);
    record.result_key = request.result_key;
    record.priority = request.priority;
    record.deadline = request.deadline;
    record.cancel_unwatched = request.cancel_unwatched;
    record.micro_batch_prompts = request.micro_batch_prompts;
    record.estimate = request.estimate;
    if (!accepting_) return CheckRoomLocked(record.owner);
    ASSIGN_OR_RETURN(const std::optional<JobRecord> source, FindResultLocked(request));
    if (source) {
      ASSIGN_OR_RETURN(record, InsertWithResult(std::move(record), *source, news));
    } else {
      RETURN_IF_ERROR(CheckRoomLocked(record.owner));
      const JobEvent queued = BeQueued(record, options_.clock());
      RETURN_IF_ERROR(store_->Insert(record, {queued}, request.input));
      log_.Append(record.id, queued, "");
      bodies_[record.id] = std::make_shared<JobBody>(std::move(request.body));
      news.changed.push_back(record);
      SetTimers(record);
      MakeReady(record, news);
    }
    view = ViewLocked(std::move(record));
  }
  Tell(news);
  return view;
}

absl::StatusOr<JobRecord> JobManager::GetLocked(absl::string_view id) const {
  absl::StatusOr<JobRecord> record = store_->Get(id);
  if (absl::IsNotFound(record.status())) {
    return absl::NotFoundError(absl::StrCat("jobs/", id, ": no such job"));
  }
  return record;
}

absl::StatusOr<JobView> JobManager::Get(absl::string_view id) const {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(JobRecord record, GetLocked(id));
  return ViewLocked(std::move(record));
}

absl::StatusOr<std::vector<JobView>> JobManager::List(const JobFilter& filter) const {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(std::vector<JobRecord> records, store_->List(filter));
  std::vector<JobView> views;
  views.reserve(records.size());
  Plans plans;
  for (JobRecord& record : records) views.push_back(ViewLocked(std::move(record), plans));
  return views;
}

absl::StatusOr<JobView> JobManager::Cancel(absl::string_view id) {
  const absl::Status reason = absl::CancelledError("cancelled on request");
  News news;
  JobView view;
  {
    MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(JobRecord record, GetLocked(id));
    if (const auto running = running_.find(record.id); running != running_.end()) {
      // Kept only here: if the server is killed before the next checkpoint, the job goes on.
      running->second.stop->End(reason);
      return ViewLocked(std::move(record));
    }
    RETURN_IF_ERROR(EndWaiting(record.id, JobState::kCancelled, reason, news));
    view.record = news.changed.back();
  }
  Tell(news);
  return view;
}

absl::Status JobManager::Delete(absl::string_view id) {
  MutexLock lock(mutex_);
  ASSIGN_OR_RETURN(const JobRecord record, GetLocked(id));
  if (!HasEnded(record.state)) {
    return absl::FailedPreconditionError(
        absl::StrCat("jobs/", id, ": has not ended (", JobStateName(record.state), "); cancel it first"));
  }
  return Forget(record);
}

int JobManager::queued_jobs() const {
  MutexLock lock(mutex_);
  return static_cast<int>(waiting_.size());
}

void JobManager::Tell(const News& news) const {
  for (const absl::Status& error : news.store_errors) {
    if (hooks_.store_failed) hooks_.store_failed(error);
  }
  for (const JobRecord& record : news.changed) {
    if (hooks_.changed) hooks_.changed(record);
  }
  for (const JobRecord& record : news.to_prepare) {
    if (hooks_.prepare) hooks_.prepare(record);
  }
  for (const std::string& device : news.devices) {
    if (hooks_.queued) hooks_.queued(device);
  }
}

}  // namespace circuitd
