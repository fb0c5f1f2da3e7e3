#include "server/service/rpc_observer.h"

#include <google/protobuf/descriptor.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/interceptor.h>
#include <grpcpp/support/server_interceptor.h>

#include <chrono>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "server/telemetry/log.h"
#include "server/telemetry/metrics.h"

namespace circuitd {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::InterceptorBatchMethods;
using grpc::experimental::ServerRpcInfo;

constexpr char kOtherMethod[] = "other";

// "JobService/GetJob" and the like.
const std::set<std::string>& OurMethods() {
  static const auto& methods = *new std::set<std::string>([] {
    std::set<std::string> names;
    for (const char* file_name : {"dataset", "inference", "job", "model", "patching", "reading", "server", "task"}) {
      const auto* file = google::protobuf::DescriptorPool::generated_pool()->FindFileByName(
          absl::StrCat("circuitd/v1/", file_name, ".proto"));
      for (int i = 0; file != nullptr && i < file->service_count(); ++i) {
        const auto& service = *file->service(i);
        for (int j = 0; j < service.method_count(); ++j) {
          names.insert(absl::StrCat(service.name(), "/", service.method(j)->name()));
        }
      }
    }
    return names;
  }());
  return methods;
}

// Lives as long as its call.
class RpcObserver : public grpc::experimental::Interceptor {
 public:
  RpcObserver(ServerRpcInfo& info, Metrics& metrics)
      : metrics_(metrics), context_(*info.server_context()), method_(ShortName(info.method())) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      grpc::Status status = methods->GetSendStatus();
      // All our methods are implemented.
      if (status.error_code() == grpc::StatusCode::UNIMPLEMENTED && method_ != kOtherMethod) {
        status = grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                              "the request is malformed: it can't be parsed, or one of its strings is not UTF-8");
        methods->ModifySendStatus(status);
      }
      Report(status.error_code());
    }
    methods->Proceed();
  }

 private:
  // "/circuitd.v1.JobService/GetJob" to "JobService/GetJob". Clients choose names freely, so that what is not ours has
  // one name: each one makes a time series.
  static std::string ShortName(absl::string_view method) {
    std::string name;
    if (absl::ConsumePrefix(&method, "/circuitd.v1.")) name = std::string(method);
    return OurMethods().count(name) > 0 ? name : kOtherMethod;
  }

  void Report(grpc::StatusCode code) {
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start_;
    const std::string name = absl::StatusCodeToString(static_cast<absl::StatusCode>(code));
    metrics_.RpcEnded(method_, name, seconds.count());
    LogRpc(method_, name, seconds.count(), context_.peer());
  }

  Metrics& metrics_;
  const grpc::ServerContextBase& context_;
  const std::string method_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

class RpcObserverFactory : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit RpcObserverFactory(Metrics& metrics) : metrics_(metrics) {}

  grpc::experimental::Interceptor* CreateServerInterceptor(ServerRpcInfo* info) override {
    return new RpcObserver(*info, metrics_);
  }

 private:
  Metrics& metrics_;
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeRpcObserver(Metrics& metrics) {
  return std::make_unique<RpcObserverFactory>(metrics);
}

}  // namespace circuitd
