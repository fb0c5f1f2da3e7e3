#include "server/jobs/device_worker.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/jobs/guarded_run.h"
#include "server/jobs/queue_full.h"

namespace circuitd {

DeviceWorker::DeviceWorker(std::string name, int max_queued_calls)
    : name_(std::move(name)), max_queued_calls_(static_cast<size_t>(max_queued_calls)), thread_([this] { Loop(); }) {}

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
  // Only as many as wait now: a caller that sends without pause must not hold up the job for ever.
  for (int waiting = queued_calls(); waiting > 0 && RunOneCall(); --waiting) {
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

int DeviceWorker::queued_calls() const {
  MutexLock lock(mutex_);
  return static_cast<int>(queue_.size());
}

void DeviceWorker::Loop() {
  for (;;) {
    std::function<bool()> background;
    {
      MutexLock lock(mutex_);
      while (queue_.empty() && !background_waits_ && !stopping_) wake_.Wait(mutex_);
      if (stopping_) return;
      if (queue_.empty()) {
        // Cleared before the step looks, so that a wake-up during the step is not lost.
        background_waits_ = false;
        background = background_;
      }
    }
    if (!background) {
      RunOneCall();
    } else if (background()) {
      WakeBackground();
    }
  }
}

bool DeviceWorker::RunOneCall() {
  Call call;
  absl::Status check;
  {
    MutexLock lock(mutex_);
    if (queue_.empty() || stopping_) return false;
    call = std::move(queue_.front());
    queue_.pop_front();
    if (call.check) check = call.check();
  }
  if (check.ok()) check = RunGuarded([&] { return call.run(); });
  // The work's captures go before its caller hears of the end.
  call.run = nullptr;
  call.done(check);
  return true;
}

}  // namespace circuitd
