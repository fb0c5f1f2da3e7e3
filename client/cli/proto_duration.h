// Durations of messages as numbers.
#pragma once

#include "google/protobuf/duration.pb.h"

namespace circuitd::client {

inline double Seconds(const google::protobuf::Duration& duration) {
  return static_cast<double>(duration.seconds()) + 1e-9 * duration.nanos();
}

}  // namespace circuitd::client
