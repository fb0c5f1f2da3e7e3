#include "server/service/idle_streams.h"

#include <gtest/gtest.h>

#include <future>

namespace circuitd {
namespace {

TEST(IdleStreamsTest, CancelsWhatWaitsTooLong) {
  IdleStreams streams(absl::Milliseconds(5));
  std::promise<void> first_cancelled, second_cancelled;
  IdleStreams::Call first(streams, [&] { first_cancelled.set_value(); });
  IdleStreams::Call second(streams, [&] { second_cancelled.set_value(); });
  first.WaitForClient();
  first_cancelled.get_future().wait();
  second.WaitForClient();
  second.WaitForClient();
  second_cancelled.get_future().wait();
}

TEST(IdleStreamsTest, LeavesAloneWhatDoesNotWaitForItsClient) {
  IdleStreams streams(absl::Milliseconds(200));
  bool cancelled = false;
  IdleStreams::Call busy(streams, [&] { cancelled = true; });
  busy.WaitForClient();
  busy.ClientDone();
  {
    IdleStreams::Call gone(streams, [&] { cancelled = true; });
    gone.WaitForClient();
  }
  // Waits longer than both did.
  std::promise<void> later_cancelled;
  IdleStreams::Call later(streams, [&] { later_cancelled.set_value(); });
  later.WaitForClient();
  later_cancelled.get_future().wait();
  EXPECT_FALSE(cancelled);
}

TEST(IdleStreamsTest, StopsWithCallsThatStillWait) {
  IdleStreams streams(absl::Hours(1));
  bool cancelled = false;
  IdleStreams::Call call(streams, [&] { cancelled = true; });
  call.WaitForClient();
  EXPECT_FALSE(cancelled);
}

}  // namespace
}  // namespace circuitd
