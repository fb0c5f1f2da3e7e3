// Strings of a request that protobuf could not send.
#pragma once

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace circuitd::client {

// INVALID_ARGUMENT naming the first string field that is not UTF-8: a server could not parse such a message, and so
// could not say which field it is. OK when all of them are.
absl::Status CheckStringsAreUtf8(const google::protobuf::Message& message);

}  // namespace circuitd::client
