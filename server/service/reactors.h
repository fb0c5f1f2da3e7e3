// Reactors of gRPC's callback API: they enqueue and write, and leave the work to others.
#pragma once

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "base/mutex.h"
#include "server/jobs/guarded_run.h"
#include "server/service/call_control.h"
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
  explicit UnaryCall(grpc::CallbackServerContext* context)
      : control_(std::make_shared<CallControl>(context->deadline())) {}

  const std::shared_ptr<CallControl>& control() const { return control_; }
  // Answers. Exactly once, also after a cancellation; request, response and this are valid until then.
  void End(const absl::Status& status) { Finish(ToGrpcStatus(status)); }

  void OnCancel() override { control_->Cancel(); }
  void OnDone() override { delete this; }

 private:
  const std::shared_ptr<CallControl> control_;
};

enum class Pull { kMessage, kNothingYet, kEnd };

// A server stream that takes its messages from a source, one when the one before is written: a slow client holds up its
// source and nobody else. Those who feed the source share its ownership with gRPC.
template <typename Response>
class StreamCall : public grpc::ServerWriteReactor<Response>,
                   public std::enable_shared_from_this<StreamCall<Response>> {
 public:
  // Fills `response`, or says how the call ends. Called by one thread at a time.
  using Source = std::function<Pull(Response& response, absl::Status& status)>;

  static std::shared_ptr<StreamCall> Start(grpc::CallbackServerContext* context) {
    std::shared_ptr<StreamCall> call(new StreamCall(context->deadline()));
    call->self_ = call;
    return call;
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
    // The source may hold what refers to this call.
    source_ = nullptr;
    self_.reset();
  }

 private:
  explicit StreamCall(std::chrono::system_clock::time_point deadline)
      : control_(std::make_shared<CallControl>(deadline)) {}

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
        this->StartWrite(&response_);
        return;
      }
      if (pull == Pull::kEnd) {
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
  std::shared_ptr<StreamCall> self_;
  Source source_;
  Response response_;
  Mutex mutex_;
  bool started_ GUARDED_BY(mutex_) = false;
  bool busy_ GUARDED_BY(mutex_) = true;  // until Begin
  bool again_ GUARDED_BY(mutex_) = false;
};

}  // namespace circuitd
