// The workers of all devices, each made when its device is first used.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "server/jobs/device_worker.h"
#include "server/jobs/job_manager.h"

namespace circuitd {

// Thread-safe.
class DevicePool {
 public:
  // `jobs` outlives the pool.
  DevicePool(JobManager& jobs, int max_queued_calls);
  // Stops as Stop does.
  ~DevicePool();

  // Of "cpu", "cuda:0"; lives as long as the pool.
  DeviceWorker& Worker(const std::string& device);
  // Waits for what runs; jobs are to be cancelled before.
  void Stop();
  // Of "cpu"; all zero while the device has no worker.
  DeviceWorker::Activity ActivityOf(const std::string& device) const;
  // On all devices.
  int queued_calls() const;
  // Whether a call runs or waits on some device.
  bool has_calls() const;

 private:
  JobManager& jobs_;
  const int max_queued_calls_;
  mutable Mutex mutex_;
  std::map<std::string, std::unique_ptr<DeviceWorker>> workers_ GUARDED_BY(mutex_);
};

}  // namespace circuitd
