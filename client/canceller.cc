#include "client/canceller.h"

#include <chrono>

namespace circuitd::client {

void Canceller::Cancel() {
  MutexLock lock(mutex_);
  cancelled_ = true;
  for (grpc::ClientContext* context : contexts_) context->TryCancel();
  changed_.SignalAll();
}

bool Canceller::cancelled() const {
  MutexLock lock(mutex_);
  return cancelled_;
}

bool Canceller::Sleep(absl::Duration duration) {
  const auto end = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(duration);
  MutexLock lock(mutex_);
  while (!cancelled_) {
    if (!changed_.WaitUntil(mutex_, end)) break;
  }
  return !cancelled_;
}

Canceller::Scope::Scope(Canceller* canceller, grpc::ClientContext* context) : canceller_(canceller), context_(context) {
  if (canceller_ == nullptr) return;
  MutexLock lock(canceller_->mutex_);
  canceller_->contexts_.insert(context_);
  if (canceller_->cancelled_) context_->TryCancel();
}

Canceller::Scope::~Scope() {
  if (canceller_ == nullptr) return;
  MutexLock lock(canceller_->mutex_);
  canceller_->contexts_.erase(context_);
}

}  // namespace circuitd::client
