// The life of jobs: submit, wait, run, watch, cancel, end, be forgotten.
//
// Watchers read a job and its events from the store by sequence number; whatever changes a job wakes them.
#pragma once

#include <atomic>
#include <deque>
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
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/jobs/store/job.h"
#include "server/jobs/job_queue.h"
#include "server/jobs/job_store.h"
#include "server/jobs/watchers.h"

namespace circuitd {

// What a running job sees of its surroundings. Used on the worker's thread only.
class JobContext {
 public:
  virtual ~JobContext() = default;
  // To be called before each forward pass: lets waiting calls in, then says CANCELLED or DEADLINE_EXCEEDED if the job
  // is to stop.
  virtual absl::Status Checkpoint() = 0;
  // Appends an event; `progress` is the job's from then on.
  virtual void Emit(std::string payload, std::string progress) = 0;
};

struct JobOutcome {
  std::string result;
  std::vector<ArtifactFile> artifacts;
};
using JobBody = std::function<absl::StatusOr<JobOutcome>(JobContext&)>;

struct JobRequest {
  std::string owner;
  std::string request_id;           // empty: none
  std::string request_fingerprint;  // equal for equal requests
  std::string device;
  std::string spec;
  int priority = 0;
  absl::Time deadline = absl::InfiniteFuture();
  JobBody body;
};

struct JobView {
  JobRecord record;
  size_t queue_position = 0;  // while it is queued: jobs of its device that run before it
};

class JobWatch;
class StopRequest;

// Thread-safe.
class JobManager {
 public:
  struct Options {
    int max_queued_jobs = 64;
    int max_ended_jobs = 256;
    int max_watches = 4096;
  };
  // Called without locks, after the fact. May be empty.
  struct Hooks {
    std::function<void(const std::string& device)> queued;
    std::function<void(const JobRecord&)> changed;  // it entered a state
  };
  JobManager(Options options, std::unique_ptr<JobStore> store, Hooks hooks);
  // No job may run any more, no watch be open.
  ~JobManager();
  JobManager(const JobManager&) = delete;
  JobManager& operator=(const JobManager&) = delete;

  // RESOURCE_EXHAUSTED if the queue is full, UNAVAILABLE after StopAccepting: what Submit would say now, for those who
  // want to know before they prepare a job.
  absl::Status CheckRoom() const;
  // The job of an earlier submit with the same owner and request_id, if there is one: ALREADY_EXISTS if that had
  // another fingerprint. Nothing for an empty request_id.
  absl::StatusOr<std::optional<JobView>> FindRequest(const JobRequest& request) const;
  // Queues a job, or returns that of FindRequest. Errors as those two.
  absl::StatusOr<JobView> Submit(JobRequest request);

  // NOT_FOUND if there is no such job; also below.
  absl::StatusOr<JobView> Get(absl::string_view id) const;
  // Newest first.
  std::vector<JobView> List() const;
  // A queued job ends at once, a running one at its next checkpoint. FAILED_PRECONDITION if it has ended.
  absl::StatusOr<JobView> Cancel(absl::string_view id);
  // Forgets an ended job; watches that are open still end properly. FAILED_PRECONDITION if it has not ended.
  absl::Status Delete(absl::string_view id);
  // NOT_FOUND, saying why, for a job that has not succeeded.
  absl::StatusOr<std::pair<ArtifactInfo, std::shared_ptr<const std::string>>> GetArtifact(absl::string_view id,
                                                                                          absl::string_view name) const;
  // Watches from the event after `after_sequence` on, which is at most the job's last one (INVALID_ARGUMENT).
  // `on_change` is called on a thread of the manager's whenever the watch may have more; what is slow there holds up
  // other watchers, and no job. RESOURCE_EXHAUSTED at max_watches. The manager outlives the watch.
  absl::StatusOr<std::unique_ptr<JobWatch>> Watch(absl::string_view id, uint64_t after_sequence,
                                                  std::function<void()> on_change);

  // Runs the first queued job of a device on the calling thread, to its end. False if none waits. `let_others_in` is
  // called at each checkpoint.
  bool RunNext(const std::string& device, const std::function<void()>& let_others_in);

  // Submits are UNAVAILABLE from now on, and queued jobs are cancelled.
  void StopAccepting();
  void CancelRunning();
  // False if jobs still run at `deadline`.
  bool WaitUntilNoneRuns(absl::Time deadline);

  int queued_jobs() const;

 private:
  friend class JobWatch;
  class RunningJob;
  struct FinishedJob;

  // Call without the lock.
  void Announce(const JobRecord& record) const;

  absl::Status CheckRoomLocked() const REQUIRES(mutex_);
  absl::StatusOr<JobRecord> GetLocked(absl::string_view id) const REQUIRES(mutex_);
  JobView ViewLocked(JobRecord record) const REQUIRES(mutex_);
  absl::StatusOr<std::optional<JobView>> FindRequestLocked(const JobRequest& request) const REQUIRES(mutex_);
  // Sets state, times and the event. A failure of the store is the job's.
  void Enter(JobRecord& record, JobState state) REQUIRES(mutex_);
  void End(JobRecord& record, JobState state, absl::Status error) REQUIRES(mutex_);
  // The last step of RunNext; `record` is the job as it began, and as it ended afterwards.
  absl::Status Finish(JobRecord& record, const StopRequest& stop, absl::StatusOr<FinishedJob> finished);
  // Has the job's watchers woken.
  void Wake(const std::string& id) REQUIRES(mutex_);
  // Hides a job, and deletes it as soon as nobody watches it.
  void Forget(const std::string& id) REQUIRES(mutex_);
  void CloseWatch(const std::string& id, const Watcher* watcher);
  // Ends queued jobs whose deadlines pass.
  void KeepDeadlines();
  absl::Status EndAtDeadline(absl::Time deadline, const std::string& id);
  // Wakes watchers.
  void KeepWatchersAwake();

  const Options options_;
  const Hooks hooks_;
  mutable Mutex mutex_;
  CondVar deadlines_changed_;
  CondVar to_wake_changed_;
  CondVar none_runs_;
  const std::unique_ptr<JobStore> store_ GUARDED_BY(mutex_);
  JobQueue queue_ GUARDED_BY(mutex_);
  std::map<std::string, JobBody> bodies_ GUARDED_BY(mutex_);  // of queued jobs
  std::map<std::string, std::shared_ptr<StopRequest>> running_ GUARDED_BY(mutex_);
  std::map<std::pair<std::string, std::string>, std::string> requests_ GUARDED_BY(mutex_);  // (owner, id) -> job
  std::set<std::pair<absl::Time, std::string>> deadlines_ GUARDED_BY(mutex_);               // of queued jobs
  std::deque<std::string> ended_ GUARDED_BY(mutex_);                                        // oldest end first
  std::set<std::string> forgotten_ GUARDED_BY(mutex_);                                      // but still watched
  WatcherList watchers_ GUARDED_BY(mutex_);
  std::set<std::string> to_wake_ GUARDED_BY(mutex_);  // jobs with news for their watchers
  uint64_t next_number_ GUARDED_BY(mutex_) = 1;
  bool accepting_ GUARDED_BY(mutex_) = true;
  bool closing_ GUARDED_BY(mutex_) = false;
  std::thread deadline_thread_;
  std::thread wake_thread_;
};

// One watcher's place in a job's events. Used by one thread at a time.
class JobWatch {
 public:
  struct Item {
    enum class Kind { kJob, kEvent, kNothingYet, kEnd };
    Kind kind = Kind::kEnd;
    JobView job;
    JobEvent event;
  };

  // Ends the watch. Not to be called from `on_change`.
  ~JobWatch();
  JobWatch(const JobWatch&) = delete;
  JobWatch& operator=(const JobWatch&) = delete;

  // The job as it is now; then the events, each once and in order; after the terminal one the job again; then kEnd.
  // kNothingYet: on_change will be called.
  absl::StatusOr<Item> Next();

 private:
  friend class JobManager;
  JobWatch(JobManager& manager, std::string id, uint64_t after, std::shared_ptr<Watcher> watcher);

  enum class Stage { kFirst, kEvents, kLast, kDone };
  JobManager& manager_;
  const std::string id_;
  const std::shared_ptr<Watcher> watcher_;
  uint64_t sent_;
  Stage stage_ = Stage::kFirst;
  std::deque<JobEvent> read_;
};

}  // namespace circuitd
