#include "client/rpc_status.h"

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace circuitd::client {
namespace {

std::string WithViolations(std::string message, const google::rpc::BadRequest& bad_request) {
  for (const auto& violation : bad_request.field_violations()) {
    const bool named =
        absl::StrContains(message, violation.field()) && absl::StrContains(message, violation.description());
    if (named) continue;
    absl::StrAppend(&message, message.empty() ? "" : "; ", violation.field(), ": ", violation.description());
  }
  return message;
}

}  // namespace

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  std::string message = status.error_message();
  google::rpc::Status details;
  if (details.ParseFromString(status.error_details())) {
    for (const google::protobuf::Any& detail : details.details()) {
      google::rpc::BadRequest bad_request;
      google::rpc::RetryInfo retry;
      if (detail.Is<google::rpc::BadRequest>() && detail.UnpackTo(&bad_request)) {
        message = WithViolations(std::move(message), bad_request);
      } else if (detail.Is<google::rpc::RetryInfo>() && detail.UnpackTo(&retry)) {
        const absl::Duration delay =
            absl::Seconds(retry.retry_delay().seconds()) + absl::Nanoseconds(retry.retry_delay().nanos());
        absl::StrAppend(&message, " (try again in ", absl::FormatDuration(delay), ")");
      }
    }
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), message);
}

}  // namespace circuitd::client
