// Ends calls whose clients neither read nor write: what they hold would stay for ever.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "absl/time/time.h"
#include "base/mutex.h"

namespace circuitd {

// Thread-safe; one thread for all calls. Outlives its calls.
class IdleStreams {
 public:
  // A call may wait for its client for `timeout` at a time.
  explicit IdleStreams(absl::Duration timeout);
  ~IdleStreams();
  IdleStreams(const IdleStreams&) = delete;
  IdleStreams& operator=(const IdleStreams&) = delete;

  // One call. Thread-safe.
  class Call {
   public:
    // `cancel` runs at most once, on the thread of `streams`; it must be quick and call nothing of this class.
    Call(IdleStreams& streams, std::function<void()> cancel) : streams_(streams), cancel_(std::move(cancel)) {}
    // As Close.
    ~Call() { Close(); }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    // From now on the client's turn has begun: to read what is written, or to send.
    void WaitForClient() { streams_.Wait(*this); }
    // The client has taken its turn.
    void ClientDone() { streams_.Forget(*this); }
    // Afterwards `cancel` does not run any more.
    void Close() { streams_.Forget(*this); }

   private:
    friend class IdleStreams;
    IdleStreams& streams_;
    const std::function<void()> cancel_;
  };

 private:
  using Time = std::chrono::steady_clock::time_point;

  void Wait(Call& call);
  void Forget(Call& call);
  void Watch();

  const std::chrono::nanoseconds timeout_;
  Mutex mutex_;
  CondVar changed_;
  std::map<Call*, Time> deadlines_ GUARDED_BY(mutex_);
  std::set<std::pair<Time, Call*>> by_deadline_ GUARDED_BY(mutex_);
  bool closing_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace circuitd
