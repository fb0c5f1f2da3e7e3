// What keeps a job from going on, as text.
#pragma once

#include <string>

#include "absl/time/time.h"
#include "circuitd/v1/job.pb.h"

namespace circuitd::client {

// Of a queued job: "2 before it, begins in about 3 min; held back: the disk is full". Times that are more than an hour
// away are shown by `zone`'s clock: "next, goes on about 14:05".
std::string QueueText(const v1::Job& job, absl::Time now, absl::TimeZone zone);

// "; held back: the disk is full", or nothing.
std::string HeldBackText(const v1::Job& job);

}  // namespace circuitd::client
