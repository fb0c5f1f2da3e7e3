#include "client/cli/queue_refresher.h"

#include <utility>

namespace circuitd::client {

QueueRefresher::QueueRefresher(Client& client, std::string job_name, absl::Duration period,
                               std::function<bool()> waiting, std::function<void(const v1::Job&)> refresh)
    : thread_([this, &client, name = std::move(job_name), period, waiting = std::move(waiting),
               refresh = std::move(refresh)] {
        v1::GetJobRequest request;
        request.set_name(name);
        while (stop_.Sleep(period)) {
          if (!waiting()) continue;
          const auto response = client.GetJob(request, &stop_);
          if (response.ok()) refresh(response->job());
        }
      }) {}

QueueRefresher::~QueueRefresher() {
  stop_.Cancel();
  thread_.join();
}

}  // namespace circuitd::client
