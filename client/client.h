// A client of circuitd: one call for each RPC, with absl statuses for gRPC's.
//
// Nothing is validated here that the server validates. Errors have the server's code and message; those of the
// connection are UNAVAILABLE. All calls may run in any number of threads at once.
//
// A call that ends UNAVAILABLE before anything of its answer came is made again, as ClientOptions say. If only its
// answer was lost, a CancelJob or DeleteJob made again finds what the first one did.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "circuitd/v1/dataset.grpc.pb.h"
#include "circuitd/v1/inference.grpc.pb.h"
#include "circuitd/v1/job.grpc.pb.h"
#include "circuitd/v1/model.grpc.pb.h"
#include "circuitd/v1/patching.grpc.pb.h"
#include "circuitd/v1/reading.grpc.pb.h"
#include "circuitd/v1/server.grpc.pb.h"
#include "circuitd/v1/task.grpc.pb.h"
#include "client/back_off.h"
#include "client/canceller.h"
#include "grpcpp/channel.h"

namespace circuitd::client {

struct ClientOptions {
  // Sent as `circuitd-user` metadata; empty: not sent. Printable ASCII.
  std::string user = {};
  // Of each call but WatchJob and DownloadArtifact, which last as long as they need.
  absl::Duration call_timeout = absl::InfiniteDuration();
  // Of the same calls: when they are made again, within their call_timeout. FollowJob and DownloadArtifactTo do that
  // for the other two, and take them up where they broke.
  BackOffPolicy retry = {absl::Milliseconds(200), absl::Seconds(1), absl::Seconds(3)};
  // Called before each wait for another attempt, in the calling thread.
  std::function<void(const absl::Status& error, absl::Duration wait)> on_retry = {};
};

class Client {
 public:
  // Takes one message of a stream; an error ends the call with that status.
  template <typename Message>
  using Receiver = std::function<absl::Status(const Message&)>;

  // INVALID_ARGUMENT if the user's name cannot be sent.
  static absl::StatusOr<std::unique_ptr<Client>> Create(std::shared_ptr<grpc::ChannelInterface> channel,
                                                        ClientOptions options);

  absl::StatusOr<v1::GetServerInfoResponse> GetServerInfo(const v1::GetServerInfoRequest& request,
                                                          Canceller* canceller = nullptr);

  absl::StatusOr<v1::ListModelsResponse> ListModels(const v1::ListModelsRequest& request,
                                                    Canceller* canceller = nullptr);
  absl::StatusOr<v1::GetModelResponse> GetModel(const v1::GetModelRequest& request);
  absl::StatusOr<v1::LoadModelResponse> LoadModel(const v1::LoadModelRequest& request);
  absl::StatusOr<v1::UnloadModelResponse> UnloadModel(const v1::UnloadModelRequest& request);

  // Sends `bytes` in chunks, with their sha256, so that a damaged upload fails.
  absl::StatusOr<v1::UploadDatasetResponse> UploadDataset(v1::DatasetFormat format, absl::string_view bytes);
  absl::StatusOr<v1::GetDatasetResponse> GetDataset(const v1::GetDatasetRequest& request);
  absl::StatusOr<v1::ListDatasetsResponse> ListDatasets(const v1::ListDatasetsRequest& request);
  absl::StatusOr<v1::DeleteDatasetResponse> DeleteDataset(const v1::DeleteDatasetRequest& request);

  absl::StatusOr<v1::TokenizeResponse> Tokenize(const v1::TokenizeRequest& request);
  // The receivers are called in the calling thread, a message at a time.
  absl::Status Forward(const v1::ForwardRequest& request, const Receiver<v1::ForwardResponse>& receive,
                       Canceller* canceller = nullptr);
  absl::Status RunPatched(const v1::RunPatchedRequest& request, const Receiver<v1::RunPatchedResponse>& receive,
                          Canceller* canceller = nullptr);

  absl::Status RunSweep(const v1::RunSweepRequest& request, const Receiver<v1::RunSweepResponse>& receive,
                        Canceller* canceller = nullptr);
  absl::Status RunPathPatching(const v1::RunPathPatchingRequest& request,
                               const Receiver<v1::RunPathPatchingResponse>& receive, Canceller* canceller = nullptr);

  absl::Status RunLogitLens(const v1::RunLogitLensRequest& request, const Receiver<v1::RunLogitLensResponse>& receive,
                            Canceller* canceller = nullptr);
  absl::Status AttributeLogits(const v1::AttributeLogitsRequest& request,
                               const Receiver<v1::AttributeLogitsResponse>& receive, Canceller* canceller = nullptr);
  absl::Status ReadAttention(const v1::ReadAttentionRequest& request,
                             const Receiver<v1::ReadAttentionResponse>& receive, Canceller* canceller = nullptr);
  absl::Status ScoreOv(const v1::ScoreOvRequest& request, const Receiver<v1::ScoreOvResponse>& receive,
                       Canceller* canceller = nullptr);
  absl::Status ScoreQk(const v1::ScoreQkRequest& request, const Receiver<v1::ScoreQkResponse>& receive,
                       Canceller* canceller = nullptr);

  absl::StatusOr<v1::ListTasksResponse> ListTasks(const v1::ListTasksRequest& request);
  absl::Status GeneratePrompts(const v1::GeneratePromptsRequest& request,
                               const Receiver<v1::GeneratePromptsResponse>& receive, Canceller* canceller = nullptr);

  // Without a request_id it makes one up, so that no job is submitted twice.
  absl::StatusOr<v1::SubmitJobResponse> SubmitJob(const v1::SubmitJobRequest& request);
  absl::StatusOr<v1::GetJobResponse> GetJob(const v1::GetJobRequest& request, Canceller* canceller = nullptr);
  absl::StatusOr<v1::ListJobsResponse> ListJobs(const v1::ListJobsRequest& request, Canceller* canceller = nullptr);
  absl::Status WatchJob(const v1::WatchJobRequest& request, const Receiver<v1::WatchJobResponse>& receive,
                        Canceller* canceller = nullptr);
  absl::StatusOr<v1::CancelJobResponse> CancelJob(const v1::CancelJobRequest& request);
  absl::StatusOr<v1::DeleteJobResponse> DeleteJob(const v1::DeleteJobRequest& request);
  absl::Status DownloadArtifact(const v1::DownloadArtifactRequest& request,
                                const Receiver<v1::DownloadArtifactResponse>& receive, Canceller* canceller = nullptr);

 private:
  Client(std::shared_ptr<grpc::ChannelInterface> channel, ClientOptions options);

  // One attempt at a call. `answered` becomes true when something of the answer came.
  using Attempt = std::function<absl::Status(grpc::ClientContext& context, bool& answered)>;

  // `lasting`: a call without time limit, which is made once.
  absl::Status Call(const Attempt& attempt, Canceller* canceller, bool lasting) const;
  template <typename Method, typename Stub, typename Request, typename Response>
  absl::Status Unary(Method method, Stub& stub, const Request& request, Response& response,
                     Canceller* canceller = nullptr);
  template <typename Method, typename Stub, typename Request, typename Response>
  absl::Status Stream(Method method, Stub& stub, const Request& request, const Receiver<Response>& receive,
                      Canceller* canceller, bool lasting);

  const ClientOptions options_;
  const std::unique_ptr<v1::ServerService::StubInterface> server_;
  const std::unique_ptr<v1::ModelService::StubInterface> models_;
  const std::unique_ptr<v1::DatasetService::StubInterface> datasets_;
  const std::unique_ptr<v1::InferenceService::StubInterface> inference_;
  const std::unique_ptr<v1::PatchingService::StubInterface> patching_;
  const std::unique_ptr<v1::ReadingService::StubInterface> readings_;
  const std::unique_ptr<v1::TaskService::StubInterface> tasks_;
  const std::unique_ptr<v1::JobService::StubInterface> jobs_;
};

}  // namespace circuitd::client
