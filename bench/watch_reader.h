// One of very many watchers of a job, none with a thread of its own.
#pragma once

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <functional>
#include <string>

#include "base/mutex.h"
#include "circuitd/v1/job.grpc.pb.h"
#include "circuitd/v1/job.pb.h"

namespace circuitd {

// gRPC's threads call it. Outlives its call.
class WatchReader : public grpc::ClientReadReactor<v1::WatchJobResponse> {
 public:
  // A slow one reads on only when it is told to.
  WatchReader(v1::JobService::StubInterface::async_interface& stub, const std::string& job, bool slow);

  bool slow() const { return slow_; }
  // Lets a slow reader read a message, if it waits for that.
  void ReadOn() EXCLUDES(mutex_);
  // Blocks until the call is over.
  void Await() EXCLUDES(mutex_);
  bool is_over() const EXCLUDES(mutex_);
  uint64_t decisions() const EXCLUDES(mutex_);
  // Empty if every event came once and in order, the last one says that the job has succeeded, and the job came after
  // it; otherwise what is wrong. After Await.
  std::string Fault() const EXCLUDES(mutex_);

 private:
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  const bool slow_;
  grpc::ClientContext context_;
  v1::WatchJobRequest request_;
  v1::WatchJobResponse response_;
  mutable Mutex mutex_;
  CondVar over_changed_;
  bool waits_ GUARDED_BY(mutex_) = false;
  bool over_ GUARDED_BY(mutex_) = false;
  grpc::Status status_ GUARDED_BY(mutex_);
  std::string fault_ GUARDED_BY(mutex_);
  uint64_t last_ GUARDED_BY(mutex_) = 0;
  uint64_t decisions_ GUARDED_BY(mutex_) = 0;
  bool succeeded_ GUARDED_BY(mutex_) = false;
  bool told_after_ GUARDED_BY(mutex_) = false;
};

}  // namespace circuitd
