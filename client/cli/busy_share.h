// How busy a server's device is.
#pragma once

#include <optional>

#include "circuitd/v1/server.pb.h"

namespace circuitd::client {

// Between the two answers, 0 to 1; since the server's start, if it was started in between. Empty
// if the server does not say.
std::optional<double> BusyShare(const v1::GetServerInfoResponse& before, const v1::GetServerInfoResponse& now,
                                const v1::Device& device);

}  // namespace circuitd::client
