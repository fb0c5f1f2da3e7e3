// gRPC's statuses as abseil's, with the details of google.rpc that help a person in the message.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace circuitd::client {

// The same code and message. Field violations (BadRequest) that the message does not name yet, and when to try again
// (RetryInfo), are appended to it. Never fails: details that do not parse are left out.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace circuitd::client
