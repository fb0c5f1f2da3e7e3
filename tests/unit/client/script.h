// What a scripted server answers to the calls of one RPC.
#pragma once

#include <deque>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "grpcpp/server_builder.h"

namespace circuitd::client {

// Each call of an RPC takes the next step of its script; a call without one fails with INTERNAL. Thread-safe.
template <typename Request, typename Response>
class Script {
 public:
  struct Step {
    std::vector<Response> messages;
    grpc::Status status;
    // The call waits for Release before it ends.
    bool hang = false;
  };
  void Add(Step step) {
    MutexLock lock(mutex_);
    steps_.push_back(std::move(step));
  }
  std::vector<Request> requests() const {
    MutexLock lock(mutex_);
    return requests_;
  }
  // Until a hanging call has sent its messages.
  void AwaitHanging() {
    MutexLock lock(mutex_);
    while (hanging_ == 0) changed_.Wait(mutex_);
  }
  void Release() {
    MutexLock lock(mutex_);
    released_ = true;
    changed_.SignalAll();
  }
  grpc::Status Play(const Request& request, grpc::ServerWriter<Response>* writer) {
    Step step{{}, grpc::Status(grpc::StatusCode::INTERNAL, "no step left in the script")};
    {
      MutexLock lock(mutex_);
      requests_.push_back(request);
      if (!steps_.empty()) {
        step = std::move(steps_.front());
        steps_.pop_front();
      }
    }
    for (const Response& message : step.messages) writer->Write(message);
    if (step.hang) {
      MutexLock lock(mutex_);
      ++hanging_;
      changed_.SignalAll();
      while (!released_) changed_.Wait(mutex_);
    }
    return step.status;
  }

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  int hanging_ GUARDED_BY(mutex_) = 0;
  bool released_ GUARDED_BY(mutex_) = false;
  std::deque<Step> steps_ GUARDED_BY(mutex_);
  std::vector<Request> requests_ GUARDED_BY(mutex_);
};

}  // namespace circuitd::client
