// A mutex with clang's thread-safety annotations over std::mutex, which ThreadSanitizer understands.
//
// Annotate every member that a mutex guards; `-Wthread-safety` then rejects an access without it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define CIRCUITD_THREAD_ANNOTATION(x) __attribute__((x))
#else
#define CIRCUITD_THREAD_ANNOTATION(x)
#endif

#ifndef GUARDED_BY  // some of abseil's headers define the same
#define GUARDED_BY(mutex) CIRCUITD_THREAD_ANNOTATION(guarded_by(mutex))
#endif
#define REQUIRES(...) CIRCUITD_THREAD_ANNOTATION(requires_capability(__VA_ARGS__))
#define EXCLUDES(...) CIRCUITD_THREAD_ANNOTATION(locks_excluded(__VA_ARGS__))

namespace circuitd {

class CIRCUITD_THREAD_ANNOTATION(capability("mutex")) Mutex {
 public:
  void Lock() CIRCUITD_THREAD_ANNOTATION(acquire_capability()) { mutex_.lock(); }
  void Unlock() CIRCUITD_THREAD_ANNOTATION(release_capability()) { mutex_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

// Holds a mutex for a scope.
class CIRCUITD_THREAD_ANNOTATION(scoped_lockable) MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) CIRCUITD_THREAD_ANNOTATION(acquire_capability(mutex)) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() CIRCUITD_THREAD_ANNOTATION(release_capability()) { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// A condition variable over Mutex. Waits may wake without a signal: test the condition in a loop.
class CondVar {
 public:
  void Wait(Mutex& mutex) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    cv_.wait(lock);
    lock.release();
  }
  // False when `deadline` passed first.
  bool WaitUntil(Mutex& mutex, std::chrono::steady_clock::time_point deadline) REQUIRES(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool signalled = cv_.wait_until(lock, deadline) == std::cv_status::no_timeout;
    lock.release();
    return signalled;
  }
  void Signal() { cv_.notify_one(); }
  void SignalAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace circuitd
