#include "client/cli/top_source.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "base/status.h"

namespace circuitd::client {
namespace {

constexpr size_t kPage = 1000;  // has no more
// Jobs that were submitted late may have ended early: more are asked for than are shown.
constexpr size_t kEndedAsked = 200;
constexpr size_t kEndedShown = 10;

using JobsByName = std::map<std::string, v1::Job>;

std::pair<int64_t, int32_t> AsPair(const google::protobuf::Timestamp& time) { return {time.seconds(), time.nanos()}; }

// Adds the newest `most` jobs in one of the states; what is said of a job now is newer than what is there.
absl::Status AddJobs(Client& client, const std::vector<v1::JobState>& states, size_t most, Canceller* canceller,
                     JobsByName& jobs) {
  v1::ListJobsRequest request;
  for (const v1::JobState state : states) request.add_states(state);
  do {
    request.set_page_size(static_cast<uint32_t>(std::min(most, kPage)));
    ASSIGN_OR_RETURN(v1::ListJobsResponse page, client.ListJobs(request, canceller));
    most -= std::min(most, static_cast<size_t>(page.jobs_size()));
    for (v1::Job& job : *page.mutable_jobs()) {
      const std::string name = job.name();
      jobs[name] = std::move(job);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty() && most > 0);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::Model>> LoadedModels(Client& client, Canceller* canceller) {
  std::vector<v1::Model> models;
  v1::ListModelsRequest request;
  request.set_page_size(kPage);
  do {
    ASSIGN_OR_RETURN(const v1::ListModelsResponse page, client.ListModels(request, canceller));
    for (const v1::Model& model : page.models()) {
      if (model.state() == v1::MODEL_STATE_LOADED) models.push_back(model);
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return models;
}

void SortJobs(JobsByName jobs, TopSnapshot& snapshot) {
  for (auto& [name, job] : jobs) {
    std::vector<v1::Job>& list = job.state() == v1::JOB_STATE_RUNNING  ? snapshot.running
                                 : job.state() == v1::JOB_STATE_QUEUED ? snapshot.queued
                                                                       : snapshot.ended;
    list.push_back(std::move(job));
  }
  const auto created = [](const v1::Job& a, const v1::Job& b) {
    return AsPair(a.create_time()) < AsPair(b.create_time());
  };
  std::stable_sort(snapshot.running.begin(), snapshot.running.end(), created);
  std::stable_sort(snapshot.queued.begin(), snapshot.queued.end(), created);
  std::stable_sort(snapshot.queued.begin(), snapshot.queued.end(),
                   [](const v1::Job& a, const v1::Job& b) { return a.queue_position() < b.queue_position(); });
  // Of those that ended together, the newest is first.
  std::stable_sort(snapshot.ended.begin(), snapshot.ended.end(),
                   [&](const v1::Job& a, const v1::Job& b) { return created(b, a); });
  std::stable_sort(snapshot.ended.begin(), snapshot.ended.end(),
                   [](const v1::Job& a, const v1::Job& b) { return AsPair(a.end_time()) > AsPair(b.end_time()); });
  if (snapshot.ended.size() > kEndedShown) snapshot.ended.resize(kEndedShown);
}

}  // namespace

TopSource::TopSource(std::unique_ptr<Client> client, MakeClient make_client)
    : make_client_(std::move(make_client)), client_(std::move(client)) {}

absl::StatusOr<TopSnapshot> TopSource::Take(Canceller* canceller) {
  if (client_ == nullptr) {
    ASSIGN_OR_RETURN(client_, make_client_());
  }
  absl::StatusOr<TopSnapshot> snapshot = Ask(canceller);
  // A connection that could not be made is not tried again for seconds; a new one is at once.
  if (absl::IsUnavailable(snapshot.status())) client_ = nullptr;
  return snapshot;
}

absl::StatusOr<TopSnapshot> TopSource::Ask(Canceller* canceller) {
  TopSnapshot snapshot;
  ASSIGN_OR_RETURN(snapshot.info, client_->GetServerInfo({}, canceller));
  ASSIGN_OR_RETURN(snapshot.models, LoadedModels(*client_, canceller));
  // In the order in which a job goes through them, so that one that goes on meanwhile is not missed.
  JobsByName jobs;
  RETURN_IF_ERROR(AddJobs(*client_, {v1::JOB_STATE_QUEUED}, SIZE_MAX, canceller, jobs));
  RETURN_IF_ERROR(AddJobs(*client_, {v1::JOB_STATE_RUNNING}, SIZE_MAX, canceller, jobs));
  RETURN_IF_ERROR(AddJobs(*client_, {v1::JOB_STATE_SUCCEEDED, v1::JOB_STATE_FAILED, v1::JOB_STATE_CANCELLED},
                          kEndedAsked, canceller, jobs));
  for (const std::string& name : seen_) {
    if (jobs.contains(name)) continue;
    v1::GetJobRequest request;
    request.set_name(name);
    absl::StatusOr<v1::GetJobResponse> response = client_->GetJob(request, canceller);
    if (absl::IsNotFound(response.status())) continue;
    RETURN_IF_ERROR(response.status());
    jobs[name] = std::move(*response->mutable_job());
  }
  SortJobs(std::move(jobs), snapshot);
  seen_.clear();
  for (const auto* list : {&snapshot.running, &snapshot.queued, &snapshot.ended}) {
    for (const v1::Job& job : *list) seen_.insert(job.name());
  }
  return snapshot;
}

}  // namespace circuitd::client
