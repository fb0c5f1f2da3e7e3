// A call that runs on a device and answers as a stream: progress while it runs, then a summary, then what it made.
#pragma once

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/proto_buffer_reader.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status.h"
#include "server/jobs/queue_full.h"
#include "server/model/forward.h"
#include "server/service/byte_budget.h"
#include "server/service/call_pipeline.h"
#include "server/service/reactors.h"
#include "server/service/server_options.h"
#include "server/service/tensor_chunks.h"

namespace circuitd {

// A stream whose messages are written as they are, so that tensors needn't be copied into them.
using WireCall = StreamCall<grpc::ByteBuffer>;

// One run's answer. All but the stream's thread-safe inner side is for who runs it: one thread after another.
template <typename Response>
class StreamedRun : public std::enable_shared_from_this<StreamedRun<Response>> {
 public:
  StreamedRun(const ServerParts& parts, std::shared_ptr<WireCall> call)
      : parts_(parts), call_(std::move(call)), reserved_(&parts.replies) {}

  const std::shared_ptr<CallControl>& control() const { return call_->control(); }

  // Takes `bytes` of the memory for replies, before they are computed. INVALID_ARGUMENT, naming `field`, if one reply
  // may not have so many; RESOURCE_EXHAUSTED, passing by itself, if others hold it.
  absl::Status Reserve(absl::string_view field, int64_t bytes) {
    const int64_t most = parts_.options.max_reply_bytes;
    reserved_bytes_ += bytes;
    if (reserved_bytes_ > most) {
      return InvalidField(field, absl::StrCat(reserved_bytes_, " bytes, max_reply_bytes is ", most));
    }
    if (!reserved_.Grow(bytes)) {
      return QueueFullError(
          absl::StrCat("replies that wait for their clients hold over ", parts_.replies.limit(), " bytes"));
    }
    return absl::OkStatus();
  }

  // Sends `progress`, instead of what was to be sent before and has not been.
  void Report(Response progress) {
    {
      MutexLock lock(mutex_);
      progress_ = std::move(progress);
    }
    if (!std::exchange(begun_, true)) {
      BeginStream();
    } else {
      call_->Poke();
    }
  }

  // What the stream sends after a success: this first,
  Response& summary() { return summary_; }
  // then these tensors, or
  void Add(std::string name, HostTensor tensor) { chunks_.Add(std::move(name), std::move(tensor)); }
  TensorSink Sink() {
    return [this](std::string name, HostTensor tensor) {
      Add(std::move(name), std::move(tensor));
      return absl::OkStatus();
    };
  }
  // the messages that `rest` fills until it returns false; it is called when there is room for one.
  void SendAfterSummary(std::function<bool(Response&)> rest) { rest_ = std::move(rest); }

  // The run has ended. Once, whatever happened.
  void End(const absl::Status& status) {
    if (!begun_ && !status.ok()) return call_->Fail(status);
    {
      MutexLock lock(mutex_);
      ended_ = status;
    }
    if (!std::exchange(begun_, true)) {
      BeginStream();
    } else {
      call_->Poke();
    }
  }

 private:
  void BeginStream() {
    call_->Begin([self = this->shared_from_this()](grpc::ByteBuffer& message, absl::Status& status) {
      return self->Next(message, status);
    });
  }

  Pull Next(grpc::ByteBuffer& message, absl::Status& status) {
    {
      MutexLock lock(mutex_);
      if (progress_) {
        const Response progress = *std::exchange(progress_, std::nullopt);
        return Write(progress, message, status);
      }
      if (!ended_) return Pull::kNothingYet;
      if (!ended_->ok()) {
        status = *ended_;
        return Pull::kEnd;
      }
    }
    if (!std::exchange(summary_sent_, true)) return Write(std::exchange(summary_, {}), message, status);
    if (rest_) {
      Response response;
      return rest_(response) ? Write(response, message, status) : Pull::kEnd;
    }
    if constexpr (requires { Response::kChunkFieldNumber; }) {
      // What has been written needs no place any more.
      reserved_.ShrinkTo(chunks_.held_bytes());
      v1::TensorChunk chunk;
      grpc::Slice data;
      if (chunks_.Next(chunk, data)) {
        message = ChunkMessage(Response::kChunkFieldNumber, chunk, data);
        return Pull::kMessage;
      }
    }
    return Pull::kEnd;
  }

  static Pull Write(const Response& response, grpc::ByteBuffer& message, absl::Status& status) {
    bool own_buffer;
    if (grpc::SerializationTraits<Response>::Serialize(response, &message, &own_buffer).ok()) return Pull::kMessage;
    status = absl::InternalError("the reply can't be serialized");
    return Pull::kEnd;
  }

  const ServerParts& parts_;
  // Until the call's end both hold each other.
  const std::shared_ptr<WireCall> call_;
  ByteBudget::Reservation reserved_;
  int64_t reserved_bytes_ = 0;
  bool begun_ = false;
  // The stream's, once the run has ended.
  Response summary_;
  bool summary_sent_ = false;
  TensorChunks chunks_;
  std::function<bool(Response&)> rest_;
  Mutex mutex_;
  std::optional<Response> progress_ GUARDED_BY(mutex_);
  std::optional<absl::Status> ended_ GUARDED_BY(mutex_);
};

// Starts a call on its way through `pipeline`: `route_of(request)` returns its CallRoute, `prepare(request, model,
// run)` the DeviceWork. The request lives until it is prepared.
template <typename Request, typename Response, typename RouteOf, typename PrepareRun>
WireCall* StartStreamedRun(const ServerParts& parts, grpc::CallbackServerContext* context,
                           const grpc::ByteBuffer& bytes, RouteOf route_of, PrepareRun prepare) {
  const auto call = WireCall::Start(parts, context);
  const auto request = std::make_shared<Request>();
  grpc::ByteBuffer unparsed = bytes;
  if (!grpc::SerializationTraits<Request>::Deserialize(&unparsed, request.get()).ok()) {
    // As gRPC says it of other methods' requests.
    call->Fail(absl::UnimplementedError(""));
    return call.get();
  }
  if (!call->Admit(*request, bytes.Length())) return call.get();
  const auto run = std::make_shared<StreamedRun<Response>>(parts, call);
  RunWithModel(
      parts, call->control(), request->model(), route_of(*request),
      [request, prepare, run](std::shared_ptr<const Model> model) { return prepare(*request, std::move(model), run); },
      [run](const absl::Status& status) { run->End(status); });
  return call.get();
}

}  // namespace circuitd
