// A call that runs on a device and answers as a stream: progress while it runs, then a summary, then what it made.
#pragma once

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

// One run's answer. All but the stream's thread-safe inner side is for who runs it: one thread after another.
template <typename Response>
class StreamedRun : public std::enable_shared_from_this<StreamedRun<Response>> {
 public:
  StreamedRun(const ServerParts& parts, std::shared_ptr<StreamCall<Response>> call)
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

  // Sends `progress`, instead of what was to be sent before and has not been. The request is gone from then on.
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
    call_->Begin([self = this->shared_from_this()](Response& response, absl::Status& status) {
      return self->Next(response, status);
    });
  }

  Pull Next(Response& response, absl::Status& status) {
    {
      MutexLock lock(mutex_);
      if (progress_) {
        response.Swap(&*progress_);
        progress_.reset();
        return Pull::kMessage;
      }
      if (!ended_) return Pull::kNothingYet;
      if (!ended_->ok()) {
        status = *ended_;
        return Pull::kEnd;
      }
    }
    if (!std::exchange(summary_sent_, true)) {
      response.Swap(&summary_);
      return Pull::kMessage;
    }
    if (rest_) return rest_(response) ? Pull::kMessage : Pull::kEnd;
    if constexpr (requires { response.mutable_chunk(); }) {
      // What has been written needs no place any more.
      reserved_.ShrinkTo(chunks_.held_bytes());
      if (chunks_.Next(*response.mutable_chunk())) return Pull::kMessage;
    }
    return Pull::kEnd;
  }

  const ServerParts& parts_;
  // Until the call's end both hold each other.
  const std::shared_ptr<StreamCall<Response>> call_;
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

// Starts a call on its way through `pipeline`: `prepare(request, model, run)` returns the DeviceWork. The request lives
// until the work begins.
template <typename Response, typename Request, typename PrepareRun>
StreamCall<Response>* StartStreamedRun(const ServerParts& parts, grpc::CallbackServerContext* context,
                                       const Request& request, const CallRoute& route, PrepareRun prepare) {
  const auto call = StreamCall<Response>::Start(parts, context);
  if (!call->Admit(request)) return call.get();
  const auto run = std::make_shared<StreamedRun<Response>>(parts, call);
  RunWithModel(
      parts, call->control(), request.model(), route,
      [&request, prepare, run](std::shared_ptr<const Model> model) { return prepare(request, std::move(model), run); },
      [run](const absl::Status& status) { run->End(status); });
  return call.get();
}

}  // namespace circuitd
