// A JobManager whose jobs run when the test says so, whose clocks stand still, and that can be started again.
#pragma once

#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "server/jobs/job_manager.h"
#include "server/jobs/store/sqlite_job_store.h"
#include "tests/unit/client/temp_folder.h"

namespace circuitd {

inline JobOutcome Result(std::string result) { return JobOutcome{std::move(result), {}}; }

inline JobRequest RequestOf(JobBody body) {
  JobRequest request;
  request.owner = "ann";
  request.device = "cpu";
  request.spec = "spec";
  request.input = "input";
  request.body = std::move(body);
  return request;
}

inline JobRequest TrivialRequest() {
  return RequestOf([](JobContext&) -> absl::StatusOr<JobOutcome> { return Result("done"); });
}

// A job that waits at its checkpoint again and again until it is told to stop.
inline JobRequest EndlessRequest(std::promise<void>& began) {
  return RequestOf([&began](JobContext& context) -> absl::StatusOr<JobOutcome> {
    began.set_value();
    for (;;) {
      if (absl::Status status = context.Checkpoint(); !status.ok()) return status;
      std::this_thread::yield();
    }
  });
}

// Makes events "e0", "e1" … up to `events`, going on where an earlier run has stopped, each followed by a checkpoint.
inline JobBody CountingBody(int events) {
  return [events](JobContext& context) -> absl::StatusOr<JobOutcome> {
    for (int i = static_cast<int>(context.past_events().size()); i < events; ++i) {
      context.Emit("e" + std::to_string(i), "p" + std::to_string(i), absl::Seconds(events - i));
      if (absl::Status status = context.Checkpoint(); !status.ok()) return status;
    }
    return JobOutcome{"counted", {{"count.txt", "text/plain", std::to_string(events)}}};
  };
}

// Clocks that go on when they are told to. Thread-safe.
class FakeClocks {
 public:
  absl::Time Now() const {
    MutexLock lock(mutex_);
    return now_;
  }
  absl::Duration Uptime() const {
    MutexLock lock(mutex_);
    return uptime_;
  }
  void Advance(absl::Duration duration) {
    MutexLock lock(mutex_);
    now_ += duration;
    uptime_ += duration;
  }
  // Somebody sets the clock.
  void Set(absl::Time now) {
    MutexLock lock(mutex_);
    now_ = now;
  }

 private:
  mutable Mutex mutex_;
  absl::Time now_ GUARDED_BY(mutex_) = absl::FromUnixSeconds(1'800'000'000);
  absl::Duration uptime_ GUARDED_BY(mutex_) = absl::Hours(1);
};

class JobRig {
 public:
  explicit JobRig(JobManager::Options options = {}) : options_(std::move(options)) {
    options_.clock = [this] { return clocks.Now(); };
    options_.uptime = [this] { return clocks.Uptime(); };
    Start();
  }

  // Ends this manager as a crash would, as far as the store can tell, and begins another one. How many jobs that has
  // taken up.
  size_t StartAgain() {
    manager.reset();
    {
      MutexLock lock(mutex);
      to_prepare.clear();
    }
    Start();
    return manager->Recover().value();
  }
  // The same; the jobs, oldest first, when the first one's body has been asked for.
  std::vector<JobRecord> Restart() {
    const size_t recovered = StartAgain();
    manager->Tick();
    {
      MutexLock lock(mutex);
      while (recovered > 0 && to_prepare.empty()) prepared.Wait(mutex);
    }
    std::vector<JobRecord> unended;
    JobFilter filter;
    filter.states = {JobState::kQueued, JobState::kRunning};
    std::vector<JobView> views = manager->List(filter).value();
    for (JobView& view : views) {
      unended.insert(unended.begin(), std::move(view.record));
    }
    EXPECT_EQ(unended.size(), recovered);
    return unended;
  }

  JobRecord Submit(JobRequest request) { return manager->Submit(std::move(request)).value().record; }
  bool RunNext() { return manager->RunNext("cpu", nullptr); }
  JobRecord Get(const std::string& id) { return manager->Get(id).value().record; }
  std::string ReadArtifact(const std::string& id, const std::string& name) {
    const auto artifact = manager->GetArtifact(id, name).value();
    return artifact.second->Read(0, artifact.first.size_bytes).value();
  }
  std::vector<std::string> Payloads(const std::string& id) {
    std::vector<std::string> payloads;
    const auto watch = manager->Watch(id, 0, [] {}).value();
    for (JobWatch::Item item = watch->Next().value();; item = watch->Next().value()) {
      if (item.kind == JobWatch::Item::Kind::kNothingYet || item.kind == JobWatch::Item::Kind::kEnd) return payloads;
      if (item.event && !item.event->state) payloads.push_back(item.event->payload);
    }
  }

  const client::TempFolder folder;
  FakeClocks clocks;
  Mutex mutex;
  std::vector<std::string> woken;
  CondVar prepared;
  std::vector<JobRecord> to_prepare;
  std::vector<std::string> changes;
  std::vector<absl::Status> store_errors;
  std::unique_ptr<JobManager> manager;

 private:
  void Start() {
    JobManager::Hooks hooks;
    hooks.queued = [this](const std::string& device) {
      MutexLock lock(mutex);
      woken.push_back(device);
    };
    hooks.changed = [this](const JobRecord& record) {
      MutexLock lock(mutex);
      changes.push_back(record.id + " " + std::string(JobStateName(record.state)));
    };
    hooks.prepare = [this](const JobRecord& record) {
      MutexLock lock(mutex);
      to_prepare.push_back(record);
      prepared.SignalAll();
    };
    hooks.store_failed = [this](const absl::Status& status) {
      MutexLock lock(mutex);
      store_errors.push_back(status);
    };
    manager = std::make_unique<JobManager>(options_, OpenSqliteJobStore(folder.File("jobs.sqlite3")).value(),
                                           ArtifactFolder::Open(folder.File("artifacts")).value(), std::move(hooks));
  }

  JobManager::Options options_;
};

}  // namespace circuitd
