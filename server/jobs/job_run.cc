// A job's run, from the queue to its end.
#include <utility>

#include "absl/time/clock.h"
#include "base/sha256.h"
#include "base/status.h"
#include "server/jobs/guarded_run.h"
#include "server/jobs/job_manager.h"
#include "server/jobs/stop_request.h"

namespace circuitd {

class JobManager::RunningJob : public JobContext {
 public:
  RunningJob(JobManager& manager, std::string id, absl::Time deadline, std::shared_ptr<StopRequest> stop,
             const std::function<void()>& let_others_in)
      : manager_(manager),
        id_(std::move(id)),
        deadline_(deadline),
        stop_(std::move(stop)),
        let_others_in_(let_others_in) {}

  absl::Status Checkpoint() override {
    if (let_others_in_) let_others_in_();
    if (absl::Status reason = stop_->Reason(); !reason.ok()) return reason;
    return absl::Now() < deadline_ ? absl::OkStatus() : DeadlinePassed(deadline_);
  }

  void Emit(std::string payload, std::string progress) override {
    MutexLock lock(manager_.mutex_);
    absl::StatusOr<JobRecord> record = manager_.store_->Get(id_);
    absl::Status status = record.status();
    if (status.ok()) {
      JobEvent event{record->last_sequence + 1, absl::Now(), std::nullopt, std::move(payload)};
      record->last_sequence = event.sequence;
      record->progress = std::move(progress);
      status = manager_.store_->AppendEvent(id_, std::move(event));
      if (status.ok()) status = manager_.store_->Put(*record);
    }
    // A job whose events are lost must not go on as if nothing were.
    if (!status.ok()) stop_->Ask(std::move(status));
    manager_.Wake(id_);
  }

 private:
  JobManager& manager_;
  const std::string id_;
  const absl::Time deadline_;
  const std::shared_ptr<StopRequest> stop_;
  const std::function<void()>& let_others_in_;
};

// What a body has left, ready to be stored.
struct JobManager::FinishedJob {
  JobOutcome outcome;
  std::vector<ArtifactInfo> infos;  // of the outcome's artifacts
};

bool JobManager::RunNext(const std::string& device, const std::function<void()>& let_others_in) {
  JobRecord record;
  JobBody body;
  const auto stop = std::make_shared<StopRequest>();
  {
    MutexLock lock(mutex_);
    const std::optional<std::string> id = queue_.Pop(device);
    if (!id) return false;
    const auto place = bodies_.find(*id);
    body = std::move(place->second);
    bodies_.erase(place);
    absl::StatusOr<JobRecord> stored = store_->Get(*id);
    // What the store has lost can't be run, and nobody can ask for it; others may wait.
    if (!stored.ok()) return true;
    record = *std::move(stored);
    deadlines_.erase({record.deadline, *id});
    running_[*id] = stop;
    Enter(record, JobState::kRunning);
  }
  Announce(record);

  RunningJob context(*this, record.id, record.deadline, stop, let_others_in);
  absl::StatusOr<FinishedJob> finished = RunGuarded([&]() -> absl::StatusOr<FinishedJob> {
    FinishedJob job;
    ASSIGN_OR_RETURN(job.outcome, body(context));
    for (const ArtifactFile& file : job.outcome.artifacts) {
      job.infos.push_back({file.name, file.media_type, Sha256Hex(file.bytes), static_cast<int64_t>(file.bytes.size())});
    }
    return job;
  });
  // What the job held (its model, its prompts) goes before anybody hears of its end.
  body = nullptr;
  absl::Status ended = RunGuarded([&] { return Finish(record, *stop, std::move(finished)); });
  if (!ended.ok()) ended = RunGuarded([&] { return Finish(record, *stop, ended); });
  {
    MutexLock lock(mutex_);
    running_.erase(record.id);
    none_runs_.SignalAll();
  }
  if (ended.ok()) Announce(record);
  return true;
}

absl::Status JobManager::Finish(JobRecord& record, const StopRequest& stop, absl::StatusOr<FinishedJob> finished) {
  MutexLock lock(mutex_);
  // A stop that came too late for the last checkpoint still holds: who asked was told so.
  absl::Status error = stop.Reason();
  if (error.ok()) error = finished.status();
  if (error.ok() && absl::Now() >= record.deadline) error = DeadlinePassed(record.deadline);
  ASSIGN_OR_RETURN(record, store_->Get(record.id));  // with the events' progress
  if (error.ok()) {
    for (ArtifactFile& file : finished->outcome.artifacts) {
      if (error.ok()) error = store_->PutArtifact(record.id, std::move(file));
    }
  }
  if (error.ok()) {
    record.result = std::move(finished->outcome.result);
    record.artifacts = std::move(finished->infos);
    End(record, JobState::kSucceeded, absl::OkStatus());
  } else {
    const JobState state = absl::IsCancelled(error) ? JobState::kCancelled : JobState::kFailed;
    End(record, state, std::move(error));
  }
  return absl::OkStatus();
}

}  // namespace circuitd
