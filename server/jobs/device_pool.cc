#include "server/jobs/device_pool.h"

#include <algorithm>
#include <vector>

namespace circuitd {

DevicePool::DevicePool(JobManager& jobs, int max_queued_calls) : jobs_(jobs), max_queued_calls_(max_queued_calls) {}

DevicePool::~DevicePool() { Stop(); }

DeviceWorker& DevicePool::Worker(const std::string& device) {
  MutexLock lock(mutex_);
  std::unique_ptr<DeviceWorker>& worker = workers_[device];
  if (!worker) {
    worker = std::make_unique<DeviceWorker>(device, max_queued_calls_);
    worker->SetBackground(
        [this, device, self = worker.get()] { return jobs_.RunNext(device, [self] { self->RunWaitingCalls(); }); });
  }
  return *worker;
}

void DevicePool::Stop() {
  std::vector<DeviceWorker*> workers;
  {
    MutexLock lock(mutex_);
    for (const auto& [device, worker] : workers_) workers.push_back(worker.get());
  }
  for (DeviceWorker* worker : workers) worker->Stop();
}

DeviceWorker::Activity DevicePool::ActivityOf(const std::string& device) const {
  MutexLock lock(mutex_);
  const auto worker = workers_.find(device);
  return worker != workers_.end() ? worker->second->activity() : DeviceWorker::Activity{};
}

int DevicePool::queued_calls() const {
  MutexLock lock(mutex_);
  int count = 0;
  for (const auto& [device, worker] : workers_) count += worker->queued_calls();
  return count;
}

bool DevicePool::has_calls() const {
  MutexLock lock(mutex_);
  return std::any_of(workers_.begin(), workers_.end(), [](const auto& entry) { return entry.second->has_calls(); });
}

}  // namespace circuitd
