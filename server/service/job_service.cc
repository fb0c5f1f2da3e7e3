#include "server/service/job_service.h"

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "circuitd/v1/job.grpc.pb.h"
#include "server/jobs/job_manager.h"
#include "server/service/convert_job.h"
#include "server/service/job_submission.h"
#include "server/service/pages.h"
#include "server/service/reactors.h"
#include "server/service/server_parts.h"

namespace circuitd {
namespace {

constexpr char kList[] = "jobs";
constexpr size_t kMaxChunkBytes = size_t{1} << 20;

// Newest first: the key sorts ascending by descending number.
std::string PageKey(const JobView& job) { return absl::StrFormat("%020u", ~job.record.number); }

class JobService final : public v1::JobService::CallbackService {
 public:
  explicit JobService(const ServerParts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* SubmitJob(grpc::CallbackServerContext* context, const v1::SubmitJobRequest* request,
                                      v1::SubmitJobResponse* response) override {
    auto* call = new UnaryCall(parts_, context);
    if (!call->Admit(*request)) return call;
    StartSubmission(parts_, *context, call, *request, *response);
    return call;
  }

  grpc::ServerUnaryReactor* GetJob(grpc::CallbackServerContext* context, const v1::GetJobRequest* request,
                                   v1::GetJobResponse* response) override {
    return AnswerNow(context, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const std::string id, JobIdFromName(request->name()));
      ASSIGN_OR_RETURN(const JobView job, parts_.jobs.Get(id));
      *response->mutable_job() = ToProto(job);
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* ListJobs(grpc::CallbackServerContext* context, const v1::ListJobsRequest* request,
                                     v1::ListJobsResponse* response) override {
    return AnswerNow(context, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const PageRequest page, ParsePage(kList, request->page_size(), request->page_token()));
      std::set<JobState> states;
      for (int i = 0; i < request->states_size(); ++i) {
        ASSIGN_OR_RETURN(const JobState state, FromProto(request->states(i), absl::StrCat("states[", i, "]")));
        states.insert(state);
      }
      std::vector<JobView> jobs = parts_.jobs.List();
      jobs.erase(std::remove_if(jobs.begin(), jobs.end(),
                                [&](const JobView& job) {
                                  return (!states.empty() && states.count(job.record.state) == 0) ||
                                         (!request->owner().empty() && request->owner() != job.record.owner);
                                }),
                 jobs.end());
      auto [taken, next] = TakePage(kList, std::move(jobs), page, PageKey);
      std::string last_key;
      size_t bytes = 0;
      for (const JobView& job : taken) {
        // Specs may carry their prompts: the rest is for the next page.
        if (bytes > kMaxChunkBytes) {
          next = MakePageToken(kList, last_key);
          break;
        }
        *response->add_jobs() = ToProto(job);
        bytes += response->jobs(response->jobs_size() - 1).ByteSizeLong();
        last_key = PageKey(job);
      }
      response->set_next_page_token(next);
      return absl::OkStatus();
    });
  }

  grpc::ServerWriteReactor<v1::WatchJobResponse>* WatchJob(grpc::CallbackServerContext* context,
                                                           const v1::WatchJobRequest* request) override {
    const auto call = StreamCall<v1::WatchJobResponse>::Start(parts_, context);
    const absl::Status status = RunGuarded([&]() -> absl::Status {
      ASSIGN_OR_RETURN(const std::string id, JobIdFromName(request->name()));
      const auto wake = [call = std::weak_ptr(call)] {
        if (const auto alive = call.lock()) alive->Poke();
      };
      ASSIGN_OR_RETURN(std::shared_ptr<JobWatch> watch, parts_.jobs.Watch(id, request->after_sequence(), wake));
      call->Begin([watch](v1::WatchJobResponse& response, absl::Status& end) { return NextOf(*watch, response, end); });
      return absl::OkStatus();
    });
    if (!status.ok()) call->Fail(status);
    return call.get();
  }

  grpc::ServerUnaryReactor* CancelJob(grpc::CallbackServerContext* context, const v1::CancelJobRequest* request,
                                      v1::CancelJobResponse* response) override {
    return AnswerNow(context, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const std::string id, JobIdFromName(request->name()));
      ASSIGN_OR_RETURN(const JobView job, parts_.jobs.Cancel(id));
      *response->mutable_job() = ToProto(job);
      return absl::OkStatus();
    });
  }

  grpc::ServerUnaryReactor* DeleteJob(grpc::CallbackServerContext* context, const v1::DeleteJobRequest* request,
                                      v1::DeleteJobResponse*) override {
    return AnswerNow(context, [&]() -> absl::Status {
      ASSIGN_OR_RETURN(const std::string id, JobIdFromName(request->name()));
      return parts_.jobs.Delete(id);
    });
  }

  grpc::ServerWriteReactor<v1::DownloadArtifactResponse>* DownloadArtifact(
      grpc::CallbackServerContext* context, const v1::DownloadArtifactRequest* request) override {
    const auto call = StreamCall<v1::DownloadArtifactResponse>::Start(parts_, context);
    const absl::Status status = RunGuarded([&]() -> absl::Status {
      ASSIGN_OR_RETURN(const std::string id, JobIdFromName(request->name()));
      ASSIGN_OR_RETURN(auto artifact, parts_.jobs.GetArtifact(id, request->artifact()));
      const size_t size = artifact.second->size();
      if (request->offset() > size) {
        return InvalidField("offset", absl::StrCat(request->offset(), ", the artifact has ", size, " bytes"));
      }
      call->Begin([info = ToProto(artifact.first), bytes = std::move(artifact.second), offset = request->offset(),
                   header_sent = false](v1::DownloadArtifactResponse& response, absl::Status&) mutable {
        if (!std::exchange(header_sent, true)) {
          *response.mutable_artifact() = info;
          return Pull::kMessage;
        }
        if (offset == bytes->size()) return Pull::kEnd;
        const size_t chunk = std::min(kMaxChunkBytes, bytes->size() - offset);
        response.set_data(bytes->data() + offset, chunk);
        offset += chunk;
        return Pull::kMessage;
      });
      return absl::OkStatus();
    });
    if (!status.ok()) call->Fail(status);
    return call.get();
  }

 private:
  static Pull NextOf(JobWatch& watch, v1::WatchJobResponse& response, absl::Status& end) {
    absl::StatusOr<JobWatch::Item> item = watch.Next();
    if (!item.ok()) {
      end = item.status();
      return Pull::kEnd;
    }
    switch (item->kind) {
      case JobWatch::Item::Kind::kJob:
        *response.mutable_job() = ToProto(item->job);
        return Pull::kMessage;
      case JobWatch::Item::Kind::kEvent:
        *response.mutable_event() = ToProto(item->event);
        return Pull::kMessage;
      case JobWatch::Item::Kind::kNothingYet:
        return Pull::kNothingYet;
      case JobWatch::Item::Kind::kEnd:
        break;
    }
    return Pull::kEnd;
  }

  const ServerParts& parts_;
};

}  // namespace

std::unique_ptr<grpc::Service> MakeJobService(const ServerParts& parts) { return std::make_unique<JobService>(parts); }

}  // namespace circuitd
