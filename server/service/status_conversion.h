// absl::Status to what goes over the wire: google.rpc.Status with details.
#pragma once

#include <grpcpp/support/status.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace circuitd {

// Same code and message. The details are a google.rpc.Status with a BadRequest field violation if the status names a
// field, and a RetryInfo if it says that a queue is full.
grpc::Status ToGrpcStatus(const absl::Status& status);

// `message` fit for the wire: UTF-8 (other bytes become U+FFFD), and short enough for a response's header.
std::string WireMessage(absl::string_view message);

}  // namespace circuitd
