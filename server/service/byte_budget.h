// A bound on bytes that many requests hold together.
#pragma once

#include <cstdint>
#include <utility>

#include "base/mutex.h"

namespace circuitd {

// Thread-safe; outlives its reservations.
class ByteBudget {
 public:
  explicit ByteBudget(int64_t limit) : limit_(limit) {}

  // Bytes that are given back when it goes. Movable.
  class Reservation {
   public:
    explicit Reservation(ByteBudget* budget) : budget_(budget) {}
    Reservation(Reservation&& other) noexcept : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
    Reservation& operator=(Reservation&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Reservation() { budget_->Add(-bytes_); }

    // False, and nothing is reserved, if `bytes` more are over the limit.
    bool Grow(int64_t bytes) {
      if (!budget_->Add(bytes)) return false;
      bytes_ += bytes;
      return true;
    }

    // Gives back what is over `bytes`.
    void ShrinkTo(int64_t bytes) {
      if (bytes >= bytes_) return;
      budget_->Add(bytes - bytes_);
      bytes_ = bytes;
    }

    int64_t limit() const { return budget_->limit(); }

   private:
    ByteBudget* budget_;
    int64_t bytes_ = 0;
  };

  int64_t limit() const { return limit_; }

 private:
  bool Add(int64_t bytes) {
    MutexLock lock(mutex_);
    if (bytes > limit_ - used_) return false;
    used_ += bytes;
    return true;
  }

  const int64_t limit_;
  Mutex mutex_;
  int64_t used_ GUARDED_BY(mutex_) = 0;
};

}  // namespace circuitd
