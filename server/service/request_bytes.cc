#include "server/service/request_bytes.h"

#include "absl/strings/str_cat.h"
#include "server/jobs/queue_full.h"

namespace circuitd {

absl::Status ReserveRequest(const google::protobuf::Message& request, ByteBudget::Reservation& reservation,
                            size_t message_bytes) {
  const auto bytes = static_cast<int64_t>(request.SpaceUsedLong() + message_bytes);
  if (reservation.Grow(bytes)) return absl::OkStatus();
  const int64_t limit = reservation.limit();
  if (bytes > limit) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the request takes ", bytes, " bytes in memory, must be at most ", limit));
  }
  return QueueFullError(absl::StrCat("requests that wait for their answers hold over ", limit, " bytes"));
}

}  // namespace circuitd
