// One thread with a bounded queue of calls, and background work that lets the calls in between its steps.
//
// A device has one such worker, and everything that runs on the device runs there: interactive calls in the order in
// which they came, then a job, and waiting calls between two forward passes of the running job or call. A call whose
// turn has come may take others along that wait behind it, and run together with them.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/checkpoint.h"
#include "base/mutex.h"
#include "server/jobs/joint_work.h"
#include "server/jobs/steady_uptime.h"

namespace circuitd {

// Thread-safe.
class DeviceWorker {
 public:
  // One piece of work.
  struct Call {
    // Asked before `run`: an error (the caller has gone, its deadline has passed) drops the call. May be empty. Called
    // with the worker's lock held: it must be quick and call nothing of the worker.
    Checkpoint check;
    std::function<absl::Status()> run;
    // Called exactly once for an accepted call: with what `run` returned, with the error of `check`, with INTERNAL if
    // `run` threw, or with UNAVAILABLE if the worker was stopped first. Must not throw.
    std::function<void(const absl::Status&)> done;
    // Takes too long to be let in by another call, which would wait for its end as everybody else would.
    bool is_long = false;
    // Instead of `run`: work that takes others along, or is taken. Not of long calls.
    std::shared_ptr<JointWork> joint = nullptr;
  };

  // What a worker does, and has done.
  struct Activity {
    // Since it was made: all the time in which it did not wait for something to do.
    absl::Duration busy;
    int waiting_calls = 0;
    // Those that run together count one by one.
    int running_calls = 0;
  };

  // `name` is what messages call the queue: "cpu". `uptime` is called with the worker's lock held.
  DeviceWorker(std::string name, int max_queued_calls, std::function<absl::Duration()> uptime = SteadyUptime);
  // Stops as Stop does.
  ~DeviceWorker();
  DeviceWorker(const DeviceWorker&) = delete;
  DeviceWorker& operator=(const DeviceWorker&) = delete;

  // Queues a call. When the queue is full, calls whose callers have gone make room first; RESOURCE_EXHAUSTED naming
  // max_queued_calls if none has. UNAVAILABLE after Stop. On an error `done` is not called.
  absl::Status Enqueue(Call call);

  // What to do once the calls that wait have run: one step (a whole job); false when there is nothing to do. Calls that
  // come meanwhile do not hold up the step's beginning. Set it once, before WakeBackground. A step that throws counts
  // as done.
  void SetBackground(std::function<bool()> step);
  // Says that the background may have something to do.
  void WakeBackground();

  // Runs the calls that wait now: for background work and calls, on the worker's thread, between two forward passes. A
  // call that was let in by another one lets nobody in itself, so that at most two calls are under way at once (those
  // that run together are one), each within its own memory budget; calls that a job lets in do let others in. Long
  // calls wait until no call runs.
  void RunWaitingCalls();

  // Finishes what runs, drops what waits, and ends the thread. Background work is to be cancelled by its owner before.
  void Stop();

  Activity activity() const;
  int queued_calls() const;
  // Whether a call runs or waits.
  bool has_calls() const;

 private:
  void Loop();
  // Returns when there is something to do, or the worker is to stop.
  void AwaitWork() REQUIRES(mutex_);
  void SetBusy(bool busy) REQUIRES(mutex_);
  struct Taken {
    Call call;
    absl::Status status;  // of its check, then of its work
  };

  // Takes the oldest call that may run now, or whose caller has gone, and runs or drops it, with those that it takes
  // along. Returns how many these were; 0 if there is none.
  int RunNextCall();
  // Such a call, with what its check says, and those that it takes along.
  std::vector<Taken> TakeCalls() REQUIRES(mutex_);
  void AddJoint(std::vector<Taken>& taken) REQUIRES(mutex_);
  // Runs what was taken and sets how it ended.
  static void Run(std::vector<Taken>& taken);

  const std::string name_;
  const size_t max_queued_calls_;
  const std::function<absl::Duration()> uptime_;
  mutable Mutex mutex_;
  CondVar wake_;
  std::deque<Call> queue_ GUARDED_BY(mutex_);
  std::function<bool()> background_ GUARDED_BY(mutex_);
  bool background_waits_ GUARDED_BY(mutex_) = false;
  int running_calls_ GUARDED_BY(mutex_) = 0;  // those that run together are one; 2: one has let another in
  int joined_calls_ GUARDED_BY(mutex_) = 0;   // further ones of those that run together
  absl::Duration busy_ GUARDED_BY(mutex_);    // up to the last time that there was nothing to do
  std::optional<absl::Duration> busy_since_ GUARDED_BY(mutex_);  // an uptime
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace circuitd
