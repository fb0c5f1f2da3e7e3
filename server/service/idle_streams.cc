#include "server/service/idle_streams.h"

namespace circuitd {

IdleStreams::IdleStreams(absl::Duration timeout)
    : timeout_(absl::ToChronoNanoseconds(timeout)), thread_([this] { Watch(); }) {}

IdleStreams::~IdleStreams() {
  {
    MutexLock lock(mutex_);
    closing_ = true;
    changed_.SignalAll();
  }
  thread_.join();
}

void IdleStreams::Wait(Call& call) {
  const Time deadline = std::chrono::steady_clock::now() + timeout_;
  MutexLock lock(mutex_);
  const auto [place, first] = deadlines_.try_emplace(&call, deadline);
  if (!first) {
    by_deadline_.erase({place->second, &call});
    place->second = deadline;
  }
  by_deadline_.emplace(deadline, &call);
  // All have the same time, so that only the first one is news.
  if (by_deadline_.size() == 1) changed_.Signal();
}

void IdleStreams::Forget(Call& call) {
  MutexLock lock(mutex_);
  const auto place = deadlines_.find(&call);
  if (place == deadlines_.end()) return;
  by_deadline_.erase({place->second, &call});
  deadlines_.erase(place);
}

void IdleStreams::Watch() {
  MutexLock lock(mutex_);
  while (!closing_) {
    if (by_deadline_.empty()) {
      changed_.Wait(mutex_);
      continue;
    }
    const auto [deadline, call] = *by_deadline_.begin();
    if (std::chrono::steady_clock::now() < deadline) {
      changed_.WaitUntil(mutex_, deadline);
      continue;
    }
    by_deadline_.erase(by_deadline_.begin());
    deadlines_.erase(call);
    // Under the lock, so that the call is still there.
    call->cancel_();
  }
}

}  // namespace circuitd
