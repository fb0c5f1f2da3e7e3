// Keeps what a watch says about a waiting job up to date: no event tells that others have left the queue.
#pragma once

#include <functional>
#include <string>
#include <thread>

#include "absl/time/time.h"
#include "circuitd/v1/job.pb.h"
#include "client/canceller.h"
#include "client/client.h"

namespace circuitd::client {

// While it lives, asks for the job every `period`, as long as `waiting` is true, and hands it to `refresh`; both are
// called in its own thread. A server that doesn't answer is asked again later.
class QueueRefresher {
 public:
  QueueRefresher(Client& client, std::string job_name, absl::Duration period, std::function<bool()> waiting,
                 std::function<void(const v1::Job&)> refresh);
  // Ends the call that is under way.
  ~QueueRefresher();
  QueueRefresher(const QueueRefresher&) = delete;
  QueueRefresher& operator=(const QueueRefresher&) = delete;

 private:
  Canceller stop_;
  std::thread thread_;
};

}  // namespace circuitd::client
