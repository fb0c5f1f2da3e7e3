#include "client/channel.h"

#include <chrono>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "grpcpp/support/channel_arguments.h"

namespace circuitd::client {

bool IsLoopback(absl::string_view server) {
  for (absl::string_view prefix : {"127.", "localhost:", "[::1]:", "unix:"}) {
    if (absl::StartsWith(server, prefix)) return true;
  }
  return server == "localhost" || server == "[::1]" || server == "::1";
}

std::string WithDefaultPort(const std::string& server) {
  // gRPC's own default, 443, is never meant.
  return absl::StrContains(server, ":") ? server : absl::StrCat(server, ":50051");
}

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& server) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(256 << 20);
  // A broken network is noticed on a stream that is silent for long; rarer than the five minutes that servers tolerate
  // by default.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 310'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 20'000);
  // The client's own back-off decides when to try again.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  // Else it would share the connection, and the wait for another attempt, of an earlier channel.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  if (IsLoopback(server)) arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(WithDefaultPort(server), grpc::InsecureChannelCredentials(), arguments);
}

absl::Status AwaitConnection(grpc::Channel& channel, const std::string& server, absl::Duration timeout) {
  const auto deadline = std::chrono::system_clock::now() + absl::ToChronoMilliseconds(timeout);
  for (grpc_connectivity_state state = channel.GetState(/*try_to_connect=*/true);
       state == GRPC_CHANNEL_IDLE || state == GRPC_CHANNEL_CONNECTING; state = channel.GetState(true)) {
    if (!channel.WaitForStateChange(state, deadline)) {
      return absl::UnavailableError(
          absl::StrCat("no connection to ", server, " within ", absl::FormatDuration(timeout)));
    }
  }
  return absl::OkStatus();
}

}  // namespace circuitd::client
