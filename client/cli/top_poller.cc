#include "client/cli/top_poller.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <vector>

#include "base/status.h"

namespace circuitd::client {
namespace {

constexpr uint32_t kMostJobs = 1000;  // a page has no more
constexpr uint32_t kEndedJobs = 10;

std::pair<int64_t, int32_t> AsPair(const google::protobuf::Timestamp& time) { return {time.seconds(), time.nanos()}; }

absl::StatusOr<std::vector<v1::Job>> ListJobs(Client& client, const std::vector<v1::JobState>& states, uint32_t most,
                                              Canceller* canceller) {
  v1::ListJobsRequest request;
  request.set_page_size(most);
  for (const v1::JobState state : states) request.add_states(state);
  ASSIGN_OR_RETURN(const v1::ListJobsResponse response, client.ListJobs(request, canceller));
  return std::vector<v1::Job>(response.jobs().begin(), response.jobs().end());
}

absl::StatusOr<std::vector<v1::Model>> LoadedModels(Client& client, Canceller* canceller) {
  std::vector<v1::Model> models;
  v1::ListModelsRequest request;
  request.set_page_size(1000);
  do {
    ASSIGN_OR_RETURN(const v1::ListModelsResponse page, client.ListModels(request, canceller));
    for (const v1::Model& model : page.models()) {
      if (model.state() == v1::MODEL_STATE_LOADED) models.push_back(model);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return models;
}

}  // namespace

absl::StatusOr<TopSnapshot> TakeTopSnapshot(Client& client, Canceller* canceller) {
  TopSnapshot snapshot;
  ASSIGN_OR_RETURN(snapshot.info, client.GetServerInfo({}, canceller));
  ASSIGN_OR_RETURN(snapshot.models, LoadedModels(client, canceller));
  ASSIGN_OR_RETURN(std::vector<v1::Job> unended,
                   ListJobs(client, {v1::JOB_STATE_RUNNING, v1::JOB_STATE_QUEUED}, kMostJobs, canceller));
  ASSIGN_OR_RETURN(snapshot.ended,
                   ListJobs(client, {v1::JOB_STATE_SUCCEEDED, v1::JOB_STATE_FAILED, v1::JOB_STATE_CANCELLED},
                            kEndedJobs, canceller));
  for (v1::Job& job : unended) {
    (job.state() == v1::JOB_STATE_RUNNING ? snapshot.running : snapshot.queued).push_back(std::move(job));
  }
  const auto created = [](const v1::Job& a, const v1::Job& b) {
    return AsPair(a.create_time()) < AsPair(b.create_time());
  };
  std::stable_sort(snapshot.running.begin(), snapshot.running.end(), created);
  std::stable_sort(snapshot.queued.begin(), snapshot.queued.end(), created);
  std::stable_sort(snapshot.queued.begin(), snapshot.queued.end(),
                   [](const v1::Job& a, const v1::Job& b) { return a.queue_position() < b.queue_position(); });
  std::stable_sort(snapshot.ended.begin(), snapshot.ended.end(),
                   [](const v1::Job& a, const v1::Job& b) { return AsPair(a.end_time()) > AsPair(b.end_time()); });
  return snapshot;
}

TopPoller::TopPoller(Client& client, absl::Duration interval, std::function<void()> taken)
    : thread_([this, &client, interval, taken = std::move(taken)] {
        do {
          auto snapshot = TakeTopSnapshot(client, &stop_);
          {
            MutexLock lock(mutex_);
            newest_ = std::move(snapshot);
          }
          taken();
        } while (stop_.Sleep(interval));
      }) {}

TopPoller::~TopPoller() {
  stop_.Cancel();
  thread_.join();
}

std::optional<absl::StatusOr<TopSnapshot>> TopPoller::Take() {
  MutexLock lock(mutex_);
  return std::exchange(newest_, std::nullopt);
}

}  // namespace circuitd::client
