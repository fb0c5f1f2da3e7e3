// What requests hold in memory while they wait and run.
#pragma once

#include <google/protobuf/message.h>

#include "absl/status/status.h"
#include "server/service/byte_budget.h"

namespace circuitd {

// Reserves what `request` takes in memory, and `message_bytes` of the message it was read from, where that stays.
// RESOURCE_EXHAUSTED, passing by itself, if that is over the budget now; for
// good, if the request alone is over it.
absl::Status ReserveRequest(const google::protobuf::Message& request, ByteBudget::Reservation& reservation,
                            size_t message_bytes = 0);

}  // namespace circuitd
