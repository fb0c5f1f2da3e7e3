// Reactors of gRPC's callback API: they enqueue and write, and leave the work to others.
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "server/jobs/guarded_run.h"
#include "server/service/byte_budget.h"
#include "server/service/call_control.h"
#include "server/service/idle_streams.h"
#include "server/service/request_bytes.h"
#include "server/service/server_parts.h"
#include "server/service/status_conversion.h"

namespace circuitd {

// Answers a unary call at once with what `body` says: for calls that only look something up.
template <typename Body>
grpc::ServerUnaryReactor* AnswerNow(grpc::CallbackServerContext* context, Body&& body) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpcStatus(RunGuarded([&]() -> absl::Status { return body(); })));
  return reactor;
}

// A unary call that is answered later. Deletes itself when gRPC is done with it.
class UnaryCall : public grpc::ServerUnaryReactor {
 public:
  UnaryCall(const ServerParts& parts, grpc::CallbackServerContext* context)
      : control_(std::make_shared<CallControl>(context->deadline())),
        request_bytes_(&parts.requests),
        client_(parts.idle_streams, [context] { context->TryCancel(); }) {}

  // Counts the request's memory until the call's end. False if the server holds too much already: the call has been
  // ended then.
  bool Admit(const google::protobuf::Message& request) {
    const absl::Status status = ReserveRequest(request, request_bytes_);
    if (!status.ok()) End(status);
    return status.ok();
  }

  const std::shared_ptr<CallControl>& control() const { return control_; }
  // Answers. Exactly once, also after a cancellation; request, response and this are valid until then.
  void End(const absl::Status& status) {
    client_.WaitForClient();
    Finish(ToGrpcStatus(status));
  }

  void OnCancel() override { control_->Cancel(); }
  void OnDone() override { delete this; }

 private:
  const std::shared_ptr<CallControl> control_;
  ByteBudget::Reservation request_bytes_;
  IdleStreams::Call client_;
};

enum class Pull { kMessage, kNothingYet, kEnd };

// A server stream that takes its messages from a source, one when the one before is written: a slow client holds up its
// source and nobody else, and one that stops reading is cut off after a time. Those who feed the source share its
// ownership with gRPC.
template <typename Response>
class StreamCall : public grpc::ServerWriteReactor<Response>,
                   public std::enable_shared_from_this<StreamCall<Response>> {
 public:
  // Fills `response`, or says how the call ends. Called by one thread at a time.
  using Source = std::function<Pull(Response& response, absl::Status& status)>;

  static std::shared_ptr<StreamCall> Start(const ServerParts& parts, grpc::CallbackServerContext* context) {
    std::shared_ptr<StreamCall> call(new StreamCall(parts, context));
    call->self_ = call;
    return call;
  }

  // As UnaryCall's; `message_bytes` as ReserveRequest's.
  bool Admit(const google::protobuf::Message& request, size_t message_bytes = 0) {
    const absl::Status status = ReserveRequest(request, request_bytes_, message_bytes);
    if (!status.ok()) Fail(status);
    return status.ok();
  }

  const std::shared_ptr<CallControl>& control() const { return control_; }

  // Sets the source and begins. At most once.
  void Begin(Source source) {
    {
      MutexLock lock(mutex_);
      source_ = std::move(source);
      started_ = true;
      busy_ = false;
    }
    Poke();
  }

  // Ends a call that has not begun.
  void Fail(const absl::Status& status) {
    Begin([status](Response&, absl::Status& end) {
      end = status;
      return Pull::kEnd;
    });
  }

  // Says that the source may have something. Any thread, any time.
  void Poke() {
    {
      MutexLock lock(mutex_);
      if (busy_) {
        again_ = true;
        return;
      }
      busy_ = true;
    }
    Step();
  }

  void OnWriteDone(bool ok) override {
    client_.ClientDone();
    if (!ok) control_->Cancel();
    Step();
  }

  void OnCancel() override {
    control_->Cancel();
    bool started;
    {
      MutexLock lock(mutex_);
      started = started_;
    }
    // One that has not begun is ended by whoever works for it.
    if (started) Poke();
  }

  void OnDone() override {
    client_.Close();
    request_bytes_.ShrinkTo(0);
    // The source may hold what refers to this call.
    source_ = nullptr;
    self_.reset();
  }

 private:
  StreamCall(const ServerParts& parts, grpc::CallbackServerContext* context)
      : control_(std::make_shared<CallControl>(context->deadline())),
        request_bytes_(&parts.requests),
        client_(parts.idle_streams, [context] { context->TryCancel(); }) {}

  // Only by who set busy_; it stays set while a write is under way, and for ever after the end.
  void Step() {
    // gRPC may let go of the call as soon as it is finished.
    const std::shared_ptr<StreamCall> keep = this->shared_from_this();
    for (;;) {
      absl::Status status = control_->Check();
      Pull pull = Pull::kEnd;
      if (status.ok()) {
        response_.Clear();
        const absl::Status thrown = RunGuarded([&]() -> absl::Status {
          pull = source_(response_, status);
          return absl::OkStatus();
        });
        if (!thrown.ok()) {
          pull = Pull::kEnd;
          status = thrown;
        }
      }
      if (pull == Pull::kMessage) {
        client_.WaitForClient();
        this->StartWrite(&response_);
        return;
      }
      if (pull == Pull::kEnd) {
        client_.WaitForClient();
        this->Finish(ToGrpcStatus(status));
        return;
      }
      MutexLock lock(mutex_);
      if (!again_) {
        busy_ = false;
        return;
      }
      again_ = false;
    }
  }

  const std::shared_ptr<CallControl> control_;
  ByteBudget::Reservation request_bytes_;
  IdleStreams::Call client_;
  std::shared_ptr<StreamCall> self_;
  Source source_;
  Response response_;
  Mutex mutex_;
  bool started_ GUARDED_BY(mutex_) = false;
  bool busy_ GUARDED_BY(mutex_) = true;  // until Begin
  bool again_ GUARDED_BY(mutex_) = false;
};

}  // namespace circuitd
