#include "server/service/status_conversion.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "base/utf8.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/jobs/queue_full.h"

namespace circuitd {
namespace {
// gRPC's limit for all of a response's metadata is 8 KiB; the message goes there three times, once percent-encoded.
constexpr size_t kMaxMessageBytes = 800;
constexpr int kRetrySeconds = 2;
}  // namespace

std::string WireMessage(absl::string_view message) {
  std::string text;
  while (const auto bad = FirstInvalidUtf8(message)) {
    absl::StrAppend(&text, message.substr(0, *bad), "\xEF\xBF\xBD");
    message.remove_prefix(*bad + 1);
  }
  absl::StrAppend(&text, message);
  if (text.size() <= kMaxMessageBytes) return text;
  size_t end = kMaxMessageBytes;
  while ((text[end] & 0xC0) == 0x80) --end;  // a character's inner byte
  return text.substr(0, end) + " …";
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const std::string message = WireMessage(status.message());
  google::rpc::Status details;
  details.set_code(code);
  details.set_message(message);
  if (const auto field = FieldOf(status)) {
    google::rpc::BadRequest bad_request;
    auto* violation = bad_request.add_field_violations();
    violation->set_field(WireMessage(*field));
    violation->set_description(message);
    details.add_details()->PackFrom(bad_request);
  }
  if (IsQueueFull(status)) {
    google::rpc::RetryInfo retry;
    retry.mutable_retry_delay()->set_seconds(kRetrySeconds);
    details.add_details()->PackFrom(retry);
  }
  if (details.details_size() == 0) return grpc::Status(code, message);
  return grpc::Status(code, message, details.SerializeAsString());
}

}  // namespace circuitd
