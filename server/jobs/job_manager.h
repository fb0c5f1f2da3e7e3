// The life of jobs: submit, wait, run, watch, cancel, end, be forgotten; and over it all their store, so that a restart
// of the server is a pause.
//
// Whatever changes a job is in the store before anybody hears of it. What can't be stored (the disk is full) is held
// back and tried again.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/jobs/event_log.h"
#include "server/jobs/fair_queue.h"
#include "server/jobs/job_request.h"
#include "server/jobs/job_watch.h"
#include "server/jobs/steady_uptime.h"
#include "server/jobs/store/artifact_folder.h"
#include "server/jobs/store/job.h"
#include "server/jobs/store/job_store.h"
#include "server/jobs/watchers.h"

namespace circuitd {

class StopRequest;

// Thread-safe.
class JobManager {
 public:
  struct Options {
    int max_queued_jobs = 256;
    int max_queued_jobs_per_user = 64;
    FairQueue::Options shares = {};
    // How long a job runs at least while another user's waits; longer if it takes long until its first event.
    absl::Duration turn = absl::Minutes(1);
    int max_watches = 4096;
    // Ended jobs are forgotten that are older, or when all together take more.
    absl::Duration retention_age = absl::InfiniteDuration();
    int64_t retention_bytes = INT64_MAX;
    // How long a job that is cancelled when nobody watches it may be without a watcher: at first, and later.
    absl::Duration first_watch_grace = absl::Seconds(30);
    absl::Duration watch_grace = absl::Seconds(2);
    // What times and deadlines are in, which may be set; and what durations are measured with, which goes on evenly.
    std::function<absl::Time()> clock = absl::Now;
    std::function<absl::Duration()> uptime = SteadyUptime;
  };
  // Called without locks, after the fact. May be empty.
  struct Hooks {
    std::function<void(const std::string& device)> queued;
    std::function<void(const JobRecord&)> changed;  // it entered a state
    // A job of an earlier process lacks its body: to be answered, later and from anywhere, by Provide or Postpone.
    std::function<void(const JobRecord&)> prepare;
    std::function<void(const absl::Status&)> store_failed;
  };
  JobManager(Options options, std::unique_ptr<JobStore> store, std::unique_ptr<ArtifactFolder> artifacts, Hooks hooks);
  // No job may run any more, no watch be open.
  ~JobManager();
  JobManager(const JobManager&) = delete;
  JobManager& operator=(const JobManager&) = delete;

  // Takes up what an earlier process has left: its unended jobs are queued, oldest first, and run once they are
  // provided with a body, for which Hooks::prepare is called. Once, before anything else. How many; the store's read
  // errors.
  absl::StatusOr<size_t> Recover();
  // What such a job was submitted with.
  absl::StatusOr<std::string> Input(absl::string_view id) const;
  // Its body; an error ends it FAILED. Nothing happens if it has ended meanwhile.
  void Provide(const std::string& id, absl::StatusOr<JobBody> body);
  // It can't be had now, and will be asked for again after a while.
  void Postpone(const std::string& id, absl::string_view why);

  // RESOURCE_EXHAUSTED if the queue, or the owner's part of it, is full, UNAVAILABLE after StopAccepting: what Submit
  // would say now of a job whose result is not known, for those who want to know before they prepare one.
  absl::Status CheckRoom(const std::string& owner) const;
  // The job of an earlier submit with the same owner and request_id, if there is one: ALREADY_EXISTS if that had
  // another fingerprint. Nothing for an empty request_id.
  absl::StatusOr<std::optional<JobView>> FindRequest(const JobRequest& request) const;
  // Queues a job, or returns that of FindRequest; one whose result is known has it at once. Errors as those two, and
  // the store's; the job is there if and only if the answer is OK.
  absl::StatusOr<JobView> Submit(JobRequest request);

  // NOT_FOUND if there is no such job; also below.
  absl::StatusOr<JobView> Get(absl::string_view id) const;
  // Newest first.
  absl::StatusOr<std::vector<JobView>> List(const JobFilter& filter) const;
  // The id of the job that runs on a device ("cpu"); empty: none does.
  std::string JobOn(const std::string& device) const;
  // A queued job ends at once, a running one at its next checkpoint. FAILED_PRECONDITION if it has ended.
  absl::StatusOr<JobView> Cancel(absl::string_view id);
  // Forgets an ended job; watches that lag behind end with NOT_FOUND. FAILED_PRECONDITION if it has not ended.
  absl::Status Delete(absl::string_view id);
  // NOT_FOUND, saying why, for a job that has not succeeded; DATA_LOSS if the file is damaged or gone.
  absl::StatusOr<std::pair<ArtifactInfo, std::shared_ptr<const ArtifactReader>>> GetArtifact(
      absl::string_view id, absl::string_view name) const;
  // Watches from the event after `after_sequence` on, which is at most the job's last one (INVALID_ARGUMENT).
  // `on_change` is called on a thread of the manager's whenever the watch may have more; what is slow there holds up
  // other watchers, and no job. RESOURCE_EXHAUSTED at max_watches. The manager outlives the watch.
  absl::StatusOr<std::unique_ptr<JobWatch>> Watch(absl::string_view id, uint64_t after_sequence,
                                                  std::function<void()> on_change);

  // Runs the next queued job of a device on the calling thread, to its end or until it makes room. False if none may
  // run. `let_others_in` is called at each checkpoint.
  bool RunNext(const std::string& device, const std::function<void()>& let_others_in);

  // From now on submits are UNAVAILABLE, and no job begins: what waits, waits for the next process.
  void StopAccepting();
  // Those that run stop at their next checkpoint and wait, too.
  void PauseRunning();
  // False if jobs still run at `deadline`.
  bool WaitUntilNoneRuns(absl::Time deadline);
  // Ends the watches of jobs that have not ended with UNAVAILABLE.
  void EndWatches();
  // Nothing happens because time passes any more, nobody is woken, and no hook is called from a thread of the
  // manager's.
  void Stop();

  // Does what is due: deadlines, jobs that nobody watches, changes that could not be stored, jobs that lack their
  // bodies, retention. How long until something is due again, at most a minute. The manager has a thread for it; tests
  // have clocks of their own.
  absl::Duration Tick();

  int queued_jobs() const;

 private:
  friend class JobWatch;
  class RunningJob;
  struct FinishedJob;
  struct Running {
    FairQueue::Job job;
    JobRecord record;  // as it is stored: nobody else changes it
    std::shared_ptr<StopRequest> stop;
    std::shared_ptr<JobBody> body;
    absl::Duration known_at;   // uptime when what remains was known;
    absl::Duration remaining;  // zero: unknown
  };
  // Waits that grow each time.
  struct BackOff {
    std::string why;
    absl::Duration wait;
    absl::Duration until;  // an uptime; infinite: it is being tried

    void Next(std::string reason, absl::Duration now);
    bool IsDue(absl::Duration now) const { return until <= now; }
    bool Waits() const { return until < absl::InfiniteDuration(); }
  };
  // A job that doesn't go on for a while.
  struct Held {
    std::optional<std::pair<JobRecord, JobEvent>> change;  // that could not be stored
    BackOff back_off;
  };
  // A recovered job, while it has no body.
  struct Unprovided {
    uint64_t number;  // the record's
    BackOff back_off;
  };
  struct Deadline {
    absl::Time deadline;
    absl::Time look_at;
  };
  // What is told after the lock is let go.
  struct News {
    std::vector<JobRecord> changed;
    std::vector<JobRecord> to_prepare;
    std::set<std::string> devices;  // where jobs may begin
    std::vector<absl::Status> store_errors;
    std::vector<std::shared_ptr<JobBody>> dropped;  // what they hold takes its time to go
  };
  using Plans = std::map<std::string, std::vector<FairQueue::Planned>>;

  // Call without the lock.
  void Tell(const News& news) const;

  absl::Status CheckRoomLocked(const std::string& owner) const REQUIRES(mutex_);
  absl::StatusOr<JobRecord> GetLocked(absl::string_view id) const REQUIRES(mutex_);
  // Of several jobs: `plans` are made once for all views.
  JobView ViewLocked(JobRecord record, Plans& plans) const REQUIRES(mutex_);
  JobView ViewLocked(JobRecord record) const REQUIRES(mutex_);
  std::optional<FairQueue::Running> RunningOn(const std::string& device) const REQUIRES(mutex_);
  absl::StatusOr<std::optional<JobView>> FindRequestLocked(const JobRequest& request) const REQUIRES(mutex_);
  // The equal job that has succeeded and has all its files, if there is one.
  absl::StatusOr<std::optional<JobRecord>> FindResultLocked(const JobRequest& request) const REQUIRES(mutex_);
  absl::StatusOr<JobRecord> InsertWithResult(JobRecord record, const JobRecord& source, News& news) REQUIRES(mutex_);

  // Stores a change and wakes the watchers.
  absl::Status Store(const JobRecord& record, const JobEvent& event) REQUIRES(mutex_);
  // The same; where it fails, the job is held back until it succeeds.
  void StoreOrHold(JobRecord record, JobEvent event, News& news) REQUIRES(mutex_);
  void Hold(const std::string& id, std::optional<std::pair<JobRecord, JobEvent>> change, std::string why)
      REQUIRES(mutex_);
  void RetryHeld(const std::string& id, News& news) REQUIRES(mutex_);
  // A job that is queued in the store waits for its turn, if it has its body.
  void MakeReady(const JobRecord& record, News& news) REQUIRES(mutex_);
  // What is to happen to an unended job that doesn't run, in time.
  void SetTimers(const JobRecord& record) REQUIRES(mutex_);
  bool HasUnstoredEnd(const std::string& id) const REQUIRES(mutex_);
  // Ends a job that doesn't run. The store's errors; then nothing has changed.
  absl::Status EndWaiting(const std::string& id, JobState state, absl::Status error, News& news) REQUIRES(mutex_);
  // Those of a job's files that no job has.
  void RemoveUnstoredFiles(const std::string& id) REQUIRES(mutex_);
  // Nothing in memory is about that job any more, but for watches.
  void Drop(const JobRecord& record, News& news) REQUIRES(mutex_);

  // The first step of RunNext: enters a job's run. Nothing has happened on an error.
  absl::Status Begin(const FairQueue::Job& job, const std::function<void()>& let_others_in,
                     std::optional<RunningJob>& run, News& news) REQUIRES(mutex_);
  // The last one.
  News Finish(RunningJob& run, absl::StatusOr<FinishedJob> finished);
  // Runs the body to what it leaves, its files under their names.
  absl::StatusOr<FinishedJob> RunBody(RunningJob& run, const JobBody& body);
  absl::Status Publish(const std::string& id, std::vector<StagedArtifact>& artifacts) EXCLUDES(mutex_);
  // What can't be removed now is found at the next start.
  void RemoveFileUnlessUsed(const std::string& sha256) REQUIRES(mutex_);
  // A job that runs no more for now waits again; `why`, if it isn't empty, holds it back for a while.
  void WaitAgain(JobRecord record, const std::string& why, News& news) REQUIRES(mutex_);

  // Has the job's watchers woken.
  void Wake(const std::string& id) REQUIRES(mutex_);
  // Deletes an ended job, and those of its files that no other job has.
  absl::Status Forget(const JobRecord& record) REQUIRES(mutex_);
  absl::Status ForgetExpired() REQUIRES(mutex_);
  void CloseWatch(const std::string& id, const Watcher* watcher);
  // Ends a job because its time is over; looked at again if the store can't be told.
  void EndInTime(const std::string& id, JobState state, absl::Status error, News& news) REQUIRES(mutex_);
  // One job at a time, the oldest first: calls whose models are to be loaded come in between.
  void Prepare(News& news) REQUIRES(mutex_);
  bool IsPreparing() const REQUIRES(mutex_);
  void TimersChanged() REQUIRES(mutex_);
  void KeepTime();
  void KeepWatchersAwake();

  const Options options_;
  const Hooks hooks_;
  const std::unique_ptr<ArtifactFolder> artifacts_;
  mutable Mutex mutex_;
  CondVar timers_changed_;
  CondVar to_wake_changed_;
  CondVar none_runs_;
  const std::unique_ptr<JobStore> store_ GUARDED_BY(mutex_);
  EventLog log_ GUARDED_BY(mutex_);
  FairQueue queue_ GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<JobBody>> bodies_ GUARDED_BY(mutex_);  // of jobs that don't run
  std::map<std::string, Unprovided> unprovided_ GUARDED_BY(mutex_);
  std::map<std::string, std::string> waiting_ GUARDED_BY(mutex_);  // unended jobs that don't run -> owner
  std::map<std::string, Held> held_ GUARDED_BY(mutex_);
  std::map<std::string, Running> running_ GUARDED_BY(mutex_);
  // Of jobs that run, or whose end is not stored yet: the store knows nothing of these files.
  std::map<std::string, std::set<std::string>> unstored_files_ GUARDED_BY(mutex_);
  std::map<std::string, Deadline> deadlines_ GUARDED_BY(mutex_);                  // of jobs that don't run
  std::set<std::string> cancel_unwatched_ GUARDED_BY(mutex_);                     // unended jobs that want a watcher
  std::map<std::string, absl::Duration> unwatched_until_ GUARDED_BY(mutex_);      // uptimes; they are cancelled then
  absl::Duration next_retention_ GUARDED_BY(mutex_) = -absl::InfiniteDuration();  // an uptime
  WatcherList watchers_ GUARDED_BY(mutex_);
  std::set<std::string> to_wake_ GUARDED_BY(mutex_);  // jobs with news for their watchers
  std::string last_woken_ GUARDED_BY(mutex_);         // all jobs' watchers have their turn
  bool timers_have_changed_ GUARDED_BY(mutex_) = false;
  bool accepting_ GUARDED_BY(mutex_) = true;
  bool watches_over_ GUARDED_BY(mutex_) = false;
  bool closing_ GUARDED_BY(mutex_) = false;
  std::thread timer_thread_;
  std::thread wake_thread_;
};

}  // namespace circuitd
