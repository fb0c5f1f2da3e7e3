// Counts, times and logs every RPC, in one place for all services.
#pragma once

#include <memory>

namespace grpc::experimental {
class ServerInterceptorFactoryInterface;
}

namespace circuitd {

class Metrics;

// `metrics` outlives the server. It also turns what gRPC answers to a request that it can't parse (UNIMPLEMENTED, as if
// there were no such method) into INVALID_ARGUMENT.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface> MakeRpcObserver(Metrics& metrics);

}  // namespace circuitd
