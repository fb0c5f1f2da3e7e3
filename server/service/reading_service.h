// ReadingService of circuitd.v1.
#pragma once

#include <memory>

namespace grpc {
class Service;
}

namespace circuitd {

struct ServerParts;

// `parts` outlives the service.
std::unique_ptr<grpc::Service> MakeReadingService(const ServerParts& parts);

}  // namespace circuitd
