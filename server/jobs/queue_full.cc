#include "server/jobs/queue_full.h"

#include "absl/strings/cord.h"

namespace circuitd {
namespace {
constexpr char kQueueFullPayload[] = "circuitd/queue-full";
}  // namespace

absl::Status QueueFullError(absl::string_view message) {
  absl::Status status(absl::StatusCode::kResourceExhausted, message);
  status.SetPayload(kQueueFullPayload, absl::Cord());
  return status;
}

bool IsQueueFull(const absl::Status& status) { return status.GetPayload(kQueueFullPayload).has_value(); }

}  // namespace circuitd
