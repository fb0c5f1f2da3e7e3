// A job's run, from the queue to its end, or to the moment when it makes room.
#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/jobs/guarded_run.h"
#include "server/jobs/job_life.h"
#include "server/jobs/job_manager.h"
#include "server/jobs/stop_request.h"

namespace circuitd {

class JobManager::RunningJob : public JobContext {
 public:
  RunningJob(JobManager& manager, FairQueue::Job job, absl::Time deadline, std::shared_ptr<StopRequest> stop,
             const std::function<void()>& let_others_in)
      : manager_(manager),
        job_(std::move(job)),
        deadline_(deadline),
        stop_(std::move(stop)),
        let_others_in_(let_others_in) {}

  absl::Status Checkpoint() override {
    if (let_others_in_) {
      // Others' time is not this job's.
      const absl::Duration begin = manager_.options_.uptime();
      let_others_in_();
      charged_at_ += manager_.options_.uptime() - begin;
    }
    RETURN_IF_ERROR(stop_->Reason());
    return manager_.options_.clock() < deadline_ ? absl::OkStatus() : DeadlinePassed(deadline_);
  }

  void Emit(std::string payload, std::string progress, absl::Duration remaining) override {
    // After a lost event no later one may be stored: the next run makes them all again.
    if (!lost_.ok()) return;
    MutexLock lock(manager_.mutex_);
    Running& running = manager_.running_.at(job_.id);
    JobRecord& record = running.record;
    std::string progress_before = record.progress;
    const JobEvent event = Happen(record, std::move(payload), std::move(progress), manager_.options_.clock());
    if (const absl::Status status = manager_.Store(record, event); !status.ok()) {
      --record.last_sequence;
      record.progress = std::move(progress_before);
      return Lose(status);
    }
    manager_.held_.erase(job_.id);
    running.remaining = remaining;
    running.known_at = manager_.options_.uptime();
    Charge(manager_.queue_);
    // Only now that something is done, so that every turn brings a job on, and after a multiple of the time that it
    // took to prepare, which the next turn takes again.
    constexpr int kTimesPreparation = 10;
    if (!prepared_) prepared_ = used_;
    const absl::Duration turn = std::max(manager_.options_.turn, kTimesPreparation * *prepared_);
    if (used_ >= turn && manager_.queue_.ShouldYield(job_)) stop_->Pause("it is another job's turn");
  }

  const std::vector<std::string>& past_events() const override { return past_events_; }
  const std::string& past_progress() const override { return past_progress_; }

  // What it has used since the last time is its owner's.
  void Charge(FairQueue& queue) {
    const absl::Duration now = manager_.options_.uptime();
    const absl::Duration used = now - charged_at_;
    charged_at_ = now;
    used_ += used;
    queue.Charge(job_.owner, used);
  }
  void SetPast(const std::vector<JobEvent>& events, std::string progress) {
    for (const JobEvent& event : events) {
      if (!event.state) past_events_.push_back(event.payload);
    }
    past_progress_ = std::move(progress);
  }

  // Something of it can't be stored: what it has done since its last event is to be done again.
  void Lose(const absl::Status& why) {
    lost_ = why;
    stop_->Pause(why.message());
  }

  const FairQueue::Job& job() const { return job_; }
  const StopRequest& stop() const { return *stop_; }
  // Why that is; OK if all is stored.
  const absl::Status& lost() const { return lost_; }

 private:
  JobManager& manager_;
  const FairQueue::Job job_;
  const absl::Time deadline_;
  const std::shared_ptr<StopRequest> stop_;
  const std::function<void()>& let_others_in_;
  std::vector<std::string> past_events_;
  std::string past_progress_;
  absl::Status lost_;
  absl::Duration charged_at_ = manager_.options_.uptime();
  absl::Duration used_;                     // in this turn
  std::optional<absl::Duration> prepared_;  // of that, before the first event
};

// What a body has left, ready to be stored.
struct JobManager::FinishedJob {
  std::string result;
  std::vector<ArtifactInfo> artifacts;
};

absl::Status JobManager::Begin(const FairQueue::Job& job, const std::function<void()>& let_others_in,
                               std::optional<RunningJob>& run, News& news) {
  ASSIGN_OR_RETURN(JobRecord record, store_->Get(job.id));
  ASSIGN_OR_RETURN(const std::vector<JobEvent> events, store_->Events(job.id, 0, SIZE_MAX));
  const auto stop = std::make_shared<StopRequest>();
  run.emplace(*this, job, record.deadline, stop, let_others_in);
  run->SetPast(events, record.progress);
  const JobEvent event = Enter(record, JobState::kRunning, options_.clock());
  RETURN_IF_ERROR(Store(record, event));
  waiting_.erase(record.id);
  deadlines_.erase(record.id);
  auto body = std::move(bodies_.extract(record.id).mapped());
  running_[record.id] = {job, record, stop, std::move(body), options_.uptime(), record.estimate};
  news.changed.push_back(std::move(record));
  return absl::OkStatus();
}

bool JobManager::RunNext(const std::string& device, const std::function<void()>& let_others_in) {
  std::optional<RunningJob> run;
  std::shared_ptr<JobBody> body;
  News news;
  {
    MutexLock lock(mutex_);
    if (!accepting_) return false;
    const std::optional<FairQueue::Job> job = queue_.Pop(device);
    if (!job) return false;
    absl::Status status;
    try {
      status = Begin(*job, let_others_in, run, news);
    } catch (const std::exception& error) {  // with the lock held, which RunGuarded would hide from the analysis
      status = absl::ResourceExhaustedError(error.what());
    }
    if (status.ok()) {
      body = running_.at(job->id).body;
    } else {
      queue_.Stopped(*job);
      Hold(job->id, std::nullopt, absl::StrCat("it can't begin: ", status.message()));
      news.store_errors.push_back(status);
    }
  }
  Tell(news);
  if (!body) return true;

  absl::StatusOr<FinishedJob> finished = RunGuarded([&] { return RunBody(*run, *body); });
  if (run->lost().ok() && !absl::IsAborted(finished.status())) {
    // What the job held (its model, its prompts) goes before anybody hears of its end.
    MutexLock lock(mutex_);
    running_.at(run->job().id).body.reset();
  }
  body.reset();
  Tell(Finish(*run, std::move(finished)));
  return true;
}

absl::StatusOr<JobManager::FinishedJob> JobManager::RunBody(RunningJob& run, const JobBody& body) {
  ASSIGN_OR_RETURN(JobOutcome outcome, body(run));
  FinishedJob job;
  job.result = std::move(outcome.result);
  std::vector<StagedArtifact> staged;
  const auto keep = [&]() -> absl::Status {
    for (const ArtifactFile& file : outcome.artifacts) {
      ASSIGN_OR_RETURN(StagedArtifact artifact, artifacts_->Stage(file));
      staged.push_back(std::move(artifact));
    }
    return Publish(run.job().id, staged);
  };
  if (const absl::Status status = RunGuarded(keep); !status.ok()) {
    // Whatever is wrong with the disk, the decisions are not lost with it.
    run.Lose(status);
    return status;
  }
  for (const StagedArtifact& artifact : staged) job.artifacts.push_back(artifact.info());
  return job;
}

absl::Status JobManager::Publish(const std::string& id, std::vector<StagedArtifact>& artifacts) {
  // Under the lock: where another job with the same file is deleted, it is still there or there again.
  MutexLock lock(mutex_);
  for (StagedArtifact& artifact : artifacts) {
    unstored_files_[id].insert(artifact.info().sha256);
    RETURN_IF_ERROR(artifacts_->Publish(artifact));
  }
  return absl::OkStatus();
}

JobManager::News JobManager::Finish(RunningJob& run, absl::StatusOr<FinishedJob> finished) {
  News news;
  MutexLock lock(mutex_);
  auto running = std::move(running_.extract(run.job().id).mapped());
  none_runs_.SignalAll();
  JobRecord record = std::move(running.record);
  if (running.body) bodies_[record.id] = std::move(running.body);
  run.Charge(queue_);
  queue_.Stopped(run.job());
  // Others of the same owner may run now, wherever they wait.
  news.devices = queue_.devices();
  // A stop that came too late for the last checkpoint still holds: who asked was told so.
  absl::Status error = run.stop().EndReason();
  if (error.ok() && !run.lost().ok()) {
    news.store_errors.push_back(run.lost());
    WaitAgain(std::move(record), absl::StrCat("it can't be stored: ", run.lost().message()), news);
    return news;
  }
  if (error.ok() && absl::IsAborted(finished.status())) {
    WaitAgain(std::move(record), "", news);
    return news;
  }
  if (error.ok()) error = finished.status();
  if (error.ok() && options_.clock() >= record.deadline) error = DeadlinePassed(record.deadline);
  if (error.ok()) {
    record.result = std::move(finished->result);
    record.artifacts = std::move(finished->artifacts);
  }
  JobState state = JobState::kSucceeded;
  if (!error.ok()) state = absl::IsCancelled(error) ? JobState::kCancelled : JobState::kFailed;
  JobEvent event = Enter(record, state, options_.clock(), std::move(error));
  StoreOrHold(std::move(record), std::move(event), news);
  return news;
}

}  // namespace circuitd
