#include "server/jobs/device_worker.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/jobs/guarded_run.h"
#include "server/jobs/queue_full.h"

namespace circuitd {

DeviceWorker::DeviceWorker(std::string name, int max_queued_calls, std::function<absl::Duration()> uptime)
    : name_(std::move(name)),
      max_queued_calls_(static_cast<size_t>(max_queued_calls)),
      uptime_(std::move(uptime)),
      thread_([this] { Loop(); }) {}

DeviceWorker::~DeviceWorker() { Stop(); }

absl::Status DeviceWorker::Enqueue(Call call) {
  std::vector<std::pair<Call, absl::Status>> dropped;
  absl::Status status;
  {
    MutexLock lock(mutex_);
    if (stopping_) return absl::UnavailableError("the server is shutting down");
    if (queue_.size() >= max_queued_calls_) {
      std::deque<Call> alive;
      for (Call& waiting : queue_) {
        absl::Status check = waiting.check ? waiting.check() : absl::OkStatus();
        if (check.ok()) {
          alive.push_back(std::move(waiting));
        } else {
          dropped.emplace_back(std::move(waiting), std::move(check));
        }
      }
      queue_ = std::move(alive);
    }
    if (queue_.size() >= max_queued_calls_) {
      status = QueueFullError(absl::StrCat("the queue of ", name_, " is full: ", queue_.size(),
                                           " calls wait, max_queued_calls is ", max_queued_calls_));
    } else {
      queue_.push_back(std::move(call));
      wake_.Signal();
    }
  }
  for (auto& [gone, why] : dropped) gone.done(why);
  return status;
}

void DeviceWorker::SetBackground(std::function<bool()> step) {
  MutexLock lock(mutex_);
  background_ = std::move(step);
}

void DeviceWorker::WakeBackground() {
  MutexLock lock(mutex_);
  background_waits_ = true;
  wake_.Signal();
}

void DeviceWorker::RunWaitingCalls() {
  int waiting;
  {
    MutexLock lock(mutex_);
    constexpr int kMostAtOnce = 2;
    if (running_calls_ >= kMostAtOnce) return;
    waiting = static_cast<int>(queue_.size());
  }
  // Only as many as wait now: callers that send without pause must not hold up the others for ever.
  while (waiting > 0) {
    const int run = RunNextCall();
    if (run == 0) return;
    waiting -= run;
  }
}

void DeviceWorker::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    wake_.SignalAll();
  }
  if (thread_.joinable()) thread_.join();
  std::deque<Call> left;
  {
    MutexLock lock(mutex_);
    left.swap(queue_);
  }
  for (Call& call : left) call.done(absl::UnavailableError("the server is shutting down"));
}

DeviceWorker::Activity DeviceWorker::activity() const {
  MutexLock lock(mutex_);
  const absl::Duration going_on = busy_since_ ? uptime_() - *busy_since_ : absl::ZeroDuration();
  return {busy_ + going_on, static_cast<int>(queue_.size()), running_calls_ + joined_calls_};
}

int DeviceWorker::queued_calls() const {
  MutexLock lock(mutex_);
  return static_cast<int>(queue_.size());
}

bool DeviceWorker::has_calls() const {
  MutexLock lock(mutex_);
  return !queue_.empty() || running_calls_ > 0;
}

void DeviceWorker::AwaitWork() {
  if (queue_.empty() && !background_waits_ && !stopping_) SetBusy(false);
  while (queue_.empty() && !background_waits_ && !stopping_) wake_.Wait(mutex_);
  SetBusy(!stopping_);
}

void DeviceWorker::SetBusy(bool busy) {
  if (busy == busy_since_.has_value()) return;
  if (busy) {
    busy_since_ = uptime_();
  } else {
    busy_ += uptime_() - *busy_since_;
    busy_since_.reset();
  }
}

void DeviceWorker::Loop() {
  for (;;) {
    bool background_waits;
    {
      MutexLock lock(mutex_);
      AwaitWork();
      if (stopping_) return;
      background_waits = background_waits_;
    }
    if (!background_waits) {
      RunNextCall();
      continue;
    }
    RunWaitingCalls();
    std::function<bool()> background;
    {
      MutexLock lock(mutex_);
      if (stopping_) continue;
      // Cleared before the step looks, so that a wake-up during the step is not lost.
      background_waits_ = false;
      background = background_;
    }
    bool more = true;
    const absl::Status thrown = RunGuarded([&] {
      more = background();
      return absl::OkStatus();
    });
    if (more || !thrown.ok()) WakeBackground();
  }
}

std::vector<DeviceWorker::Taken> DeviceWorker::TakeCalls() {
  std::vector<Taken> taken;
  for (auto waiting = queue_.begin(); waiting != queue_.end(); ++waiting) {
    absl::Status check = waiting->check ? waiting->check() : absl::OkStatus();
    if (check.ok() && waiting->is_long && running_calls_ > 0) continue;
    taken.push_back({std::move(*waiting), std::move(check)});
    queue_.erase(waiting);
    if (taken[0].status.ok() && taken[0].call.joint) AddJoint(taken);
    break;
  }
  return taken;
}

void DeviceWorker::AddJoint(std::vector<Taken>& taken) {
  std::deque<Call> left;
  for (Call& waiting : queue_) {
    // One whose caller has gone is dropped when its own turn comes.
    const bool waits = waiting.joint && (!waiting.check || waiting.check().ok());
    if (waits && taken[0].call.joint->Take(*waiting.joint)) {
      taken.push_back({std::move(waiting), absl::OkStatus()});
    } else {
      left.push_back(std::move(waiting));
    }
  }
  queue_ = std::move(left);
}

void DeviceWorker::Run(std::vector<Taken>& taken) {
  Taken& first = taken[0];
  if (!first.status.ok()) return;
  if (!first.call.joint) {
    first.status = RunGuarded([&] { return first.call.run(); });
    return;
  }
  const absl::Status thrown = RunGuarded([&] {
    std::vector<absl::Status> statuses = first.call.joint->Run();
    for (size_t i = 0; i < taken.size(); ++i) taken[i].status = std::move(statuses.at(i));
    return absl::OkStatus();
  });
  if (thrown.ok()) return;
  for (Taken& each : taken) each.status = thrown;
}

int DeviceWorker::RunNextCall() {
  std::vector<Taken> taken;
  {
    MutexLock lock(mutex_);
    if (!stopping_) taken = TakeCalls();
    if (taken.empty()) return 0;
    ++running_calls_;
    joined_calls_ += static_cast<int>(taken.size()) - 1;
  }
  Run(taken);
  for (Taken& each : taken) {
    // The work's captures go before its caller hears of the end.
    each.call.run = nullptr;
    each.call.joint.reset();
    each.call.done(each.status);
  }
  MutexLock lock(mutex_);
  --running_calls_;
  joined_calls_ -= static_cast<int>(taken.size()) - 1;
  return static_cast<int>(taken.size());
}

}  // namespace circuitd
