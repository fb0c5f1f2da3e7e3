// Ends calls and waits from another thread.
#pragma once

#include <set>

#include "absl/time/time.h"
#include "base/mutex.h"
#include "grpcpp/client_context.h"

namespace circuitd::client {

// Thread-safe. Once cancelled it stays so: calls that start later end at once.
class Canceller {
 public:
  Canceller() = default;
  Canceller(const Canceller&) = delete;
  Canceller& operator=(const Canceller&) = delete;

  // Wakes Sleep and ends every call of a live Scope with CANCELLED.
  void Cancel();
  bool cancelled() const;
  // False when it was cancelled before `duration` was over.
  bool Sleep(absl::Duration duration);

  // Makes a call cancellable for the scope's lifetime; does nothing for a null canceller.
  class Scope {
   public:
    Scope(Canceller* canceller, grpc::ClientContext* context);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Canceller* const canceller_;
    grpc::ClientContext* const context_;
  };

 private:
  mutable Mutex mutex_;
  CondVar changed_;
  bool cancelled_ GUARDED_BY(mutex_) = false;
  std::set<grpc::ClientContext*> contexts_ GUARDED_BY(mutex_);
};

}  // namespace circuitd::client
