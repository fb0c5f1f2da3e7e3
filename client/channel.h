// The connection to a server.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"

namespace circuitd::client {

inline constexpr char kDefaultServer[] = "127.0.0.1:50051";

// "HOST" with circuitd's default port; everything that has a colon as it is.
std::string WithDefaultPort(const std::string& server);

// A channel to "HOST:PORT" (or "HOST", or "unix:PATH"), not encrypted, that takes messages of up to 256 MiB. It does
// not connect yet, and shares no connection with another channel. A loopback address is never reached through an HTTP
// proxy.
std::shared_ptr<grpc::Channel> MakeChannel(const std::string& server);

// True for 127.0.0.0/8, ::1, localhost and unix sockets.
bool IsLoopback(absl::string_view server);

// Blocks until the channel is connected or has failed to: OK in both cases, since the first call then says at once
// what failed. UNAVAILABLE when neither happened within `timeout`.
absl::Status AwaitConnection(grpc::Channel& channel, const std::string& server, absl::Duration timeout);

}  // namespace circuitd::client
