#include "client/client.h"

#include <algorithm>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "base/status.h"
#include "client/retry.h"
#include "client/rpc_status.h"
#include "client/utf8_fields.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"

namespace circuitd::client {
namespace {

constexpr size_t kUploadChunkBytes = 256 << 10;

// 128 bits that nobody else has.
std::string MakeRequestId() {
  absl::BitGen random;
  return absl::StrCat("auto-", absl::Hex(random(), absl::kZeroPad16), absl::Hex(random(), absl::kZeroPad16));
}

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

absl::Status Client::Call(const Attempt& attempt, Canceller* canceller, bool lasting) const {
  RetryOptions retries;
  retries.back_off = options_.retry;
  if (lasting) retries.back_off.give_up_after = absl::ZeroDuration();
  retries.time_limit = options_.call_timeout;
  retries.canceller = canceller;
  retries.on_wait = options_.on_retry;
  Retry retry(std::move(retries));
  const absl::Time deadline = lasting ? absl::InfiniteFuture() : absl::Now() + options_.call_timeout;
  while (true) {
    grpc::ClientContext context;
    if (!options_.user.empty()) context.AddMetadata("circuitd-user", options_.user);
    if (deadline != absl::InfiniteFuture()) context.set_deadline(absl::ToChronoTime(deadline));
    const Canceller::Scope scope(canceller, &context);
    bool answered = false;
    const absl::Status status = attempt(context, answered);
    if (answered) return status;
    if (retry.WaitAfter(status)) continue;
    const bool cancelled = canceller != nullptr && canceller->cancelled();
    return cancelled ? absl::CancelledError("no longer wanted") : status;
  }
}

template <typename Method, typename Stub, typename Request, typename Response>
absl::Status Client::Unary(Method method, Stub& stub, const Request& request, Response& response,
                           Canceller* canceller) {
  RETURN_IF_ERROR(CheckStringsAreUtf8(request));
  const Attempt attempt = [&](grpc::ClientContext& context, bool&) {
    return FromGrpc((stub.*method)(&context, request, &response));
  };
  return Call(attempt, canceller, /*lasting=*/false);
}

template <typename Method, typename Stub, typename Request, typename Response>
absl::Status Client::Stream(Method method, Stub& stub, const Request& request, const Receiver<Response>& receive,
                            Canceller* canceller, bool lasting) {
  RETURN_IF_ERROR(CheckStringsAreUtf8(request));
  const Attempt attempt = [&](grpc::ClientContext& context, bool& answered) {
    const std::unique_ptr<grpc::ClientReaderInterface<Response>> reader = (stub.*method)(&context, request);
    Response response;
    absl::Status received;
    while (reader->Read(&response)) {
      answered = true;
      // After an error the stream is read to its end all the same: gRPC asks for that before Finish.
      if (!received.ok()) continue;
      received = receive(response);
      if (!received.ok()) context.TryCancel();
    }
    const absl::Status finished = FromGrpc(reader->Finish());
    return received.ok() ? finished : received;
  };
  return Call(attempt, canceller, lasting);
}

// The members of one RPC are named alike everywhere.
#define CIRCUITD_UNARY_CALL(stub, service, rpc)                                         \
  absl::StatusOr<v1::rpc##Response> Client::rpc(const v1::rpc##Request& request) {      \
    v1::rpc##Response response;                                                         \
    RETURN_IF_ERROR(Unary(&v1::service::StubInterface::rpc, *stub, request, response)); \
    return response;                                                                    \
  }
CIRCUITD_UNARY_CALL(models_, ModelService, GetModel)
CIRCUITD_UNARY_CALL(models_, ModelService, LoadModel)
CIRCUITD_UNARY_CALL(models_, ModelService, UnloadModel)
CIRCUITD_UNARY_CALL(datasets_, DatasetService, GetDataset)
CIRCUITD_UNARY_CALL(datasets_, DatasetService, ListDatasets)
CIRCUITD_UNARY_CALL(datasets_, DatasetService, DeleteDataset)
CIRCUITD_UNARY_CALL(inference_, InferenceService, Tokenize)
CIRCUITD_UNARY_CALL(tasks_, TaskService, ListTasks)
CIRCUITD_UNARY_CALL(jobs_, JobService, CancelJob)
CIRCUITD_UNARY_CALL(jobs_, JobService, DeleteJob)
#undef CIRCUITD_UNARY_CALL

#define CIRCUITD_CANCELLABLE_CALL(stub, service, rpc)                                                    \
  absl::StatusOr<v1::rpc##Response> Client::rpc(const v1::rpc##Request& request, Canceller* canceller) { \
    v1::rpc##Response response;                                                                          \
    RETURN_IF_ERROR(Unary(&v1::service::StubInterface::rpc, *stub, request, response, canceller));       \
    return response;                                                                                     \
  }
CIRCUITD_CANCELLABLE_CALL(server_, ServerService, GetServerInfo)
CIRCUITD_CANCELLABLE_CALL(models_, ModelService, ListModels)
CIRCUITD_CANCELLABLE_CALL(jobs_, JobService, GetJob)
CIRCUITD_CANCELLABLE_CALL(jobs_, JobService, ListJobs)
#undef CIRCUITD_CANCELLABLE_CALL

absl::StatusOr<v1::UploadDatasetResponse> Client::UploadDataset(v1::DatasetFormat format, absl::string_view bytes) {
  v1::UploadDatasetRequest header;
  header.mutable_header()->set_format(format);
  header.mutable_header()->set_sha256(Sha256Hex(bytes));
  v1::UploadDatasetResponse response;
  const Attempt attempt = [&](grpc::ClientContext& context, bool&) {
    const auto writer = datasets_->UploadDataset(&context, &response);
    // A failed write means that the server has already answered; Finish says what.
    bool open = writer->Write(header);
    v1::UploadDatasetRequest message;
    for (size_t begin = 0; open && begin < bytes.size(); begin += kUploadChunkBytes) {
      const absl::string_view chunk = bytes.substr(begin, kUploadChunkBytes);
      message.set_data(chunk.data(), chunk.size());
      open = writer->Write(message);
    }
    if (open) writer->WritesDone();
    return FromGrpc(writer->Finish());
  };
  RETURN_IF_ERROR(Call(attempt, /*canceller=*/nullptr, /*lasting=*/false));
  return response;
}

absl::StatusOr<v1::SubmitJobResponse> Client::SubmitJob(const v1::SubmitJobRequest& request) {
  v1::SubmitJobRequest named = request;
  if (named.request_id().empty()) named.set_request_id(MakeRequestId());
  v1::SubmitJobResponse response;
  RETURN_IF_ERROR(Unary(&v1::JobService::StubInterface::SubmitJob, *jobs_, named, response));
  return response;
}

#define CIRCUITD_STREAM_CALL(stub, service, rpc, lasting)                                               \
  absl::Status Client::rpc(const v1::rpc##Request& request, const Receiver<v1::rpc##Response>& receive, \
                           Canceller* canceller) {                                                      \
    return Stream(&v1::service::StubInterface::rpc, *stub, request, receive, canceller, lasting);       \
  }
CIRCUITD_STREAM_CALL(inference_, InferenceService, Forward, false)
CIRCUITD_STREAM_CALL(inference_, InferenceService, RunPatched, false)
CIRCUITD_STREAM_CALL(patching_, PatchingService, RunSweep, false)
CIRCUITD_STREAM_CALL(patching_, PatchingService, RunPathPatching, false)
CIRCUITD_STREAM_CALL(readings_, ReadingService, RunLogitLens, false)
CIRCUITD_STREAM_CALL(readings_, ReadingService, AttributeLogits, false)
CIRCUITD_STREAM_CALL(readings_, ReadingService, ReadAttention, false)
CIRCUITD_STREAM_CALL(readings_, ReadingService, ScoreOv, false)
CIRCUITD_STREAM_CALL(readings_, ReadingService, ScoreQk, false)
CIRCUITD_STREAM_CALL(tasks_, TaskService, GeneratePrompts, false)
CIRCUITD_STREAM_CALL(jobs_, JobService, WatchJob, true)
CIRCUITD_STREAM_CALL(jobs_, JobService, DownloadArtifact, true)
#undef CIRCUITD_STREAM_CALL

}  // namespace circuitd::client
