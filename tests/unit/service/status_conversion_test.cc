#include "server/service/status_conversion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "base/utf8.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/jobs/queue_full.h"

namespace circuitd {
namespace {

google::rpc::Status Details(const grpc::Status& status) {
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  return details;
}

TEST(StatusConversionTest, KeepsCodeAndMessage) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  const grpc::Status status = ToGrpcStatus(absl::NotFoundError("no such job"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND);
  EXPECT_EQ(status.error_message(), "no such job");
  EXPECT_EQ(status.error_details(), "");
}

TEST(StatusConversionTest, FieldsBecomeBadRequestDetails) {
  const grpc::Status status = ToGrpcStatus(InvalidField("spec.node_pruning.threshold", "150, must be 0-100"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  const google::rpc::Status details = Details(status);
  EXPECT_EQ(details.code(), 3);
  google::rpc::BadRequest bad_request;
  ASSERT_EQ(details.details_size(), 1);
  ASSERT_TRUE(details.details(0).UnpackTo(&bad_request));
  ASSERT_EQ(bad_request.field_violations_size(), 1);
  EXPECT_EQ(bad_request.field_violations(0).field(), "spec.node_pruning.threshold");
  EXPECT_EQ(bad_request.field_violations(0).description(), "spec.node_pruning.threshold: 150, must be 0-100");
}

TEST(StatusConversionTest, FullQueuesTellWhenToTryAgain) {
  google::rpc::RetryInfo retry;
  const google::rpc::Status details = Details(ToGrpcStatus(QueueFullError("full")));
  ASSERT_EQ(details.details_size(), 1);
  ASSERT_TRUE(details.details(0).UnpackTo(&retry));
  EXPECT_GT(retry.retry_delay().seconds(), 0);
  EXPECT_EQ(ToGrpcStatus(absl::ResourceExhaustedError("out of memory")).error_details(), "");
}

TEST(StatusConversionTest, MessagesAreFitForTheWire) {
  EXPECT_EQ(WireMessage("a\xff"), "a\xEF\xBF\xBD");
  const std::string text = WireMessage(std::string(100'000, 'x') + "\xff");
  EXPECT_LT(text.size(), 1000u);
  // Cut between characters, wherever the limit falls.
  for (int shift = 0; shift < 3; ++shift) {
    std::string euros(shift, 'x');
    for (int i = 0; i < 1000; ++i) euros += "\xE2\x82\xAC";
    EXPECT_EQ(FirstInvalidUtf8(WireMessage(euros)), std::nullopt);
  }
}

}  // namespace
}  // namespace circuitd
