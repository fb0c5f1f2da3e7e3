// A job's run, from the queue to its end.
#include <utility>

#include "absl/time/clock.h"
#include "base/sha256.h"
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
    Watchers watchers;
    {
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
      watchers = manager_.watchers_.Of(id_);
    }
    for (const auto& watcher : watchers) watcher->Wake();
  }

 private:
  JobManager& manager_;
  const std::string id_;
  const absl::Time deadline_;
  const std::shared_ptr<StopRequest> stop_;
  const std::function<void()>& let_others_in_;
};

bool JobManager::RunNext(const std::string& device, const std::function<void()>& let_others_in) {
  JobRecord record;
  JobBody body;
  Watchers watchers;
  const auto stop = std::make_shared<StopRequest>();
  {
    MutexLock lock(mutex_);
    const std::optional<std::string> id = queue_.Pop(device);
    if (!id) return false;
    record = *store_->Get(*id);
    deadlines_.erase({record.deadline, *id});
    const auto place = bodies_.find(*id);
    body = std::move(place->second);
    bodies_.erase(place);
    running_[*id] = stop;
    watchers = Enter(record, JobState::kRunning);
  }
  Announce(watchers, record);

  RunningJob context(*this, record.id, record.deadline, stop, let_others_in);
  absl::StatusOr<JobOutcome> outcome = RunGuarded([&] { return body(context); });
  // What the job held (its model, its prompts) goes before anybody hears of its end.
  body = nullptr;
  std::vector<ArtifactInfo> infos;
  if (outcome.ok()) {
    for (const ArtifactFile& file : outcome->artifacts) {
      infos.push_back({file.name, file.media_type, Sha256Hex(file.bytes), static_cast<int64_t>(file.bytes.size())});
    }
  }
  {
    MutexLock lock(mutex_);
    // A stop that came too late for the last checkpoint still holds: who asked was told so.
    absl::Status error = stop->Reason();
    if (error.ok()) error = outcome.status();
    if (error.ok() && absl::Now() >= record.deadline) error = DeadlinePassed(record.deadline);
    record = *store_->Get(record.id);  // with the events' progress
    if (error.ok()) {
      for (ArtifactFile& file : outcome->artifacts) {
        if (error.ok()) error = store_->PutArtifact(record.id, std::move(file));
      }
    }
    running_.erase(record.id);
    if (error.ok()) {
      record.result = std::move(outcome->result);
      record.artifacts = std::move(infos);
      watchers = End(record, JobState::kSucceeded, absl::OkStatus());
    } else {
      const JobState state = absl::IsCancelled(error) ? JobState::kCancelled : JobState::kFailed;
      watchers = End(record, state, std::move(error));
    }
    none_runs_.SignalAll();
  }
  Announce(watchers, record);
  return true;
}

}  // namespace circuitd
