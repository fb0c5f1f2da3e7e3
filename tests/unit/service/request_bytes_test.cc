#include "server/service/request_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "circuitd/v1/inference.pb.h"
#include "server/jobs/queue_full.h"

namespace circuitd {
namespace {

v1::TokenizeRequest RequestOf(size_t bytes) {
  v1::TokenizeRequest request;
  request.set_model(std::string(bytes, 'm'));
  return request;
}

TEST(RequestBytesTest, CountsRequestsUntilTheyAreLetGo) {
  ByteBudget budget(10'000);
  {
    ByteBudget::Reservation first(&budget);
    EXPECT_TRUE(ReserveRequest(RequestOf(6000), first).ok());
    ByteBudget::Reservation second(&budget);
    const absl::Status status = ReserveRequest(RequestOf(6000), second);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
    EXPECT_TRUE(IsQueueFull(status));
  }
  ByteBudget::Reservation second(&budget);
  EXPECT_TRUE(ReserveRequest(RequestOf(6000), second).ok());
}

TEST(RequestBytesTest, CountsTheMessageThatARequestWasReadFrom) {
  ByteBudget budget(10'000);
  ByteBudget::Reservation reservation(&budget);
  EXPECT_FALSE(ReserveRequest(RequestOf(6000), reservation, /*message_bytes=*/6000).ok());
  EXPECT_TRUE(ReserveRequest(RequestOf(6000), reservation, /*message_bytes=*/1000).ok());
}

TEST(RequestBytesTest, TellsARequestThatNeverFitsFromOneThatWouldFitLater) {
  ByteBudget budget(10'000);
  ByteBudget::Reservation reservation(&budget);
  const absl::Status status = ReserveRequest(RequestOf(20'000), reservation);
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_FALSE(IsQueueFull(status));
  EXPECT_THAT(std::string(status.message()), testing::HasSubstr("must be at most 10000"));
}

}  // namespace
}  // namespace circuitd
