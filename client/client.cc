#include "client/client.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/ascii.h"
#include "base/sha256.h"
#include "base/status.h"
#include "client/rpc_status.h"
#include "client/utf8_fields.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"

namespace circuitd::client {
namespace {

constexpr size_t kUploadChunkBytes = 256 << 10;

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Create(std::shared_ptr<grpc::ChannelInterface> channel,
                                                       ClientOptions options) {
  // gRPC aborts the process on metadata that HTTP/2 cannot carry.
  if (!std::all_of(options.user.begin(), options.user.end(), [](unsigned char c) { return absl::ascii_isprint(c); })) {
    return InvalidField("user", "only printable ASCII characters can be sent");
  }
  return std::unique_ptr<Client>(new Client(std::move(channel), std::move(options)));
}

Client::Client(std::shared_ptr<grpc::ChannelInterface> channel, ClientOptions options)
    : options_(std::move(options)),
      server_(v1::ServerService::NewStub(channel)),
      models_(v1::ModelService::NewStub(channel)),
      datasets_(v1::DatasetService::NewStub(channel)),
      inference_(v1::InferenceService::NewStub(channel)),
      patching_(v1::PatchingService::NewStub(channel)),
      readings_(v1::ReadingService::NewStub(channel)),
      tasks_(v1::TaskService::NewStub(channel)),
      jobs_(v1::JobService::NewStub(channel)) {}

void Client::Prepare(grpc::ClientContext& context, bool with_deadline) const {
  if (!options_.user.empty()) context.AddMetadata("circuitd-user", options_.user);
  if (with_deadline && options_.call_timeout != absl::InfiniteDuration()) {
    context.set_deadline(std::chrono::system_clock::now() + absl::ToChronoMilliseconds(options_.call_timeout));
  }
}

template <typename Method, typename Stub, typename Request, typename Response>
absl::Status Client::Unary(Method method, Stub& stub, const Request& request, Response& response) {
  RETURN_IF_ERROR(CheckStringsAreUtf8(request));
  grpc::ClientContext context;
  Prepare(context, /*with_deadline=*/true);
  return FromGrpc((stub.*method)(&context, request, &response));
}

template <typename Method, typename Stub, typename Request, typename Response>
absl::Status Client::Stream(Method method, Stub& stub, const Request& request, const Receiver<Response>& receive,
                            Canceller* canceller, bool with_deadline) {
  RETURN_IF_ERROR(CheckStringsAreUtf8(request));
  grpc::ClientContext context;
  Prepare(context, with_deadline);
  const Canceller::Scope scope(canceller, &context);
  const std::unique_ptr<grpc::ClientReaderInterface<Response>> reader = (stub.*method)(&context, request);
  Response response;
  absl::Status received;
  while (reader->Read(&response)) {
    // After an error the stream is read to its end all the same: gRPC asks for that before Finish.
    if (!received.ok()) continue;
    received = receive(response);
    if (!received.ok()) context.TryCancel();
  }
  const absl::Status finished = FromGrpc(reader->Finish());
  return received.ok() ? finished : received;
}

// The members of one RPC are named alike everywhere.
#define CIRCUITD_UNARY_CALL(stub, service, rpc)                                         \
  absl::StatusOr<v1::rpc##Response> Client::rpc(const v1::rpc##Request& request) {      \
    v1::rpc##Response response;                                                         \
    RETURN_IF_ERROR(Unary(&v1::service::StubInterface::rpc, *stub, request, response)); \
    return response;                                                                    \
  }
CIRCUITD_UNARY_CALL(server_, ServerService, GetServerInfo)
CIRCUITD_UNARY_CALL(models_, ModelService, ListModels)
CIRCUITD_UNARY_CALL(models_, ModelService, GetModel)
CIRCUITD_UNARY_CALL(models_, ModelService, LoadModel)
CIRCUITD_UNARY_CALL(models_, ModelService, UnloadModel)
CIRCUITD_UNARY_CALL(datasets_, DatasetService, GetDataset)
CIRCUITD_UNARY_CALL(datasets_, DatasetService, ListDatasets)
CIRCUITD_UNARY_CALL(datasets_, DatasetService, DeleteDataset)
CIRCUITD_UNARY_CALL(inference_, InferenceService, Tokenize)
CIRCUITD_UNARY_CALL(tasks_, TaskService, ListTasks)
CIRCUITD_UNARY_CALL(jobs_, JobService, SubmitJob)
CIRCUITD_UNARY_CALL(jobs_, JobService, GetJob)
CIRCUITD_UNARY_CALL(jobs_, JobService, ListJobs)
CIRCUITD_UNARY_CALL(jobs_, JobService, CancelJob)
CIRCUITD_UNARY_CALL(jobs_, JobService, DeleteJob)
#undef CIRCUITD_UNARY_CALL

absl::StatusOr<v1::UploadDatasetResponse> Client::UploadDataset(v1::DatasetFormat format, absl::string_view bytes) {
  grpc::ClientContext context;
  Prepare(context, /*with_deadline=*/true);
  v1::UploadDatasetResponse response;
  const auto writer = datasets_->UploadDataset(&context, &response);
  v1::UploadDatasetRequest message;
  message.mutable_header()->set_format(format);
  message.mutable_header()->set_sha256(Sha256Hex(bytes));
  // A failed write means that the server has already answered; Finish says what.
  bool open = writer->Write(message);
  for (size_t begin = 0; open && begin < bytes.size(); begin += kUploadChunkBytes) {
    const absl::string_view chunk = bytes.substr(begin, kUploadChunkBytes);
    message.set_data(chunk.data(), chunk.size());
    open = writer->Write(message);
  }
  if (open) writer->WritesDone();
  RETURN_IF_ERROR(FromGrpc(writer->Finish()));
  return response;
}

#define CIRCUITD_STREAM_CALL(stub, service, rpc, with_deadline)                                         \
  absl::Status Client::rpc(const v1::rpc##Request& request, const Receiver<v1::rpc##Response>& receive, \
                           Canceller* canceller) {                                                      \
    return Stream(&v1::service::StubInterface::rpc, *stub, request, receive, canceller, with_deadline); \
  }
CIRCUITD_STREAM_CALL(inference_, InferenceService, Forward, true)
CIRCUITD_STREAM_CALL(inference_, InferenceService, RunPatched, true)
CIRCUITD_STREAM_CALL(patching_, PatchingService, RunSweep, true)
CIRCUITD_STREAM_CALL(patching_, PatchingService, RunPathPatching, true)
CIRCUITD_STREAM_CALL(readings_, ReadingService, RunLogitLens, true)
CIRCUITD_STREAM_CALL(readings_, ReadingService, AttributeLogits, true)
CIRCUITD_STREAM_CALL(readings_, ReadingService, ReadAttention, true)
CIRCUITD_STREAM_CALL(readings_, ReadingService, ScoreOv, true)
CIRCUITD_STREAM_CALL(readings_, ReadingService, ScoreQk, true)
CIRCUITD_STREAM_CALL(tasks_, TaskService, GeneratePrompts, true)
CIRCUITD_STREAM_CALL(jobs_, JobService, WatchJob, false)
CIRCUITD_STREAM_CALL(jobs_, JobService, DownloadArtifact, false)
#undef CIRCUITD_STREAM_CALL

}  // namespace circuitd::client
