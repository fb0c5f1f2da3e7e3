#include "server/service/job_service.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
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

std::string PageKey(const JobView& job) { return absl::StrCat(job.record.number); }

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
      JobFilter filter;
      for (int i = 0; i < request->states_size(); ++i) {
        ASSIGN_OR_RETURN(const JobState state, FromProto(request->states(i), absl::StrCat("states[", i, "]")));
        filter.states.push_back(state);
      }
      if (!request->owner().empty()) filter.owner = request->owner();
      if (!page.first && !absl::SimpleAtoi(page.after, &filter.before_number)) {
        return InvalidField("page_token", "is none that this list gave out");
      }
      filter.limit = page.size + 1;  // whether there is another page
      filter.max_bytes = kMaxChunkBytes;
      ASSIGN_OR_RETURN(const std::vector<JobView> jobs, parts_.jobs.List(filter));
      size_t bytes = 0;
      for (size_t i = 0; i < jobs.size(); ++i) {
        // Specs may carry their prompts: the rest is for the next page.
        if (i == page.size || bytes > kMaxChunkBytes) {
          response->set_next_page_token(MakePageToken(kList, PageKey(jobs[i - 1])));
          break;
        }
        *response->add_jobs() = ToProto(jobs[i]);
        bytes += response->jobs(static_cast<int>(i)).ByteSizeLong();
      }
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
      call->Begin([watch, kind = v1::JobSpec::KIND_NOT_SET](v1::WatchJobResponse& response, absl::Status& end) mutable {
        return NextOf(*watch, kind, response, end);
      });
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
      const int64_t size = artifact.first.size_bytes;
      if (request->offset() > static_cast<uint64_t>(size)) {
        return InvalidField("offset", absl::StrCat(request->offset(), ", the artifact has ", size, " bytes"));
      }
      call->Begin([info = ToProto(artifact.first), reader = std::move(artifact.second), size,
                   offset = static_cast<int64_t>(request->offset()),
                   header_sent = false](v1::DownloadArtifactResponse& response, absl::Status& end) mutable {
        if (!std::exchange(header_sent, true)) {
          *response.mutable_artifact() = info;
          return Pull::kMessage;
        }
        if (offset == size) return Pull::kEnd;
        absl::StatusOr<std::string> chunk = reader->Read(offset, kMaxChunkBytes);
        if (!chunk.ok()) {
          end = chunk.status();
          return Pull::kEnd;
        }
        offset += static_cast<int64_t>(chunk->size());
        response.set_data(*std::move(chunk));
        return Pull::kMessage;
      });
      return absl::OkStatus();
    });
    if (!status.ok()) call->Fail(status);
    return call.get();
  }

 private:
  // `kind` is told by the job, which comes before its events.
  static Pull NextOf(JobWatch& watch, v1::JobSpec::KindCase& kind, v1::WatchJobResponse& response, absl::Status& end) {
    absl::StatusOr<JobWatch::Item> item = watch.Next();
    if (!item.ok()) {
      end = item.status();
      return Pull::kEnd;
    }
    switch (item->kind) {
      case JobWatch::Item::Kind::kJob:
        *response.mutable_job() = ToProto(*item->job);
        kind = response.job().spec().kind_case();
        return Pull::kMessage;
      case JobWatch::Item::Kind::kEvent:
        *response.mutable_event() = ToProto(*item->event, item->progress, kind);
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
