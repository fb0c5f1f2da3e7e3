// Devices' names, and what is said where there is none.
#include "server/model/device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;

TEST(DeviceTest, ParsesNames) {
  EXPECT_EQ(*ParseDevice("cpu"), DeviceId{});
  EXPECT_EQ(*ParseDevice("cuda"), (DeviceId{.cuda = true, .index = 0}));
  EXPECT_EQ(*ParseDevice("cuda:3"), (DeviceId{.cuda = true, .index = 3}));
  EXPECT_EQ(DeviceName(*ParseDevice("cpu")), "cpu");
  EXPECT_EQ(DeviceName(*ParseDevice("cuda")), "cuda:0");
  EXPECT_EQ(DeviceName(*ParseDevice("cuda:17")), "cuda:17");
}

TEST(DeviceTest, RefusesOtherNames) {
  for (const std::string name : {"", "gpu", "CPU", "cpu:0", "cuda:", "cuda:-1", "cuda:+1", "cuda: 1", "cuda:1 ",
                                 "cuda:0x1", "cuda:1000", "cuda:99999999999999999999", "mps"}) {
    const absl::Status status = ParseDevice(name).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << name;
    EXPECT_EQ(FieldOf(status), "device");
    EXPECT_THAT(std::string(status.message()), HasSubstr("must be cpu, cuda or cuda:N"));
  }
}

TEST(DeviceTest, PreparesTheCpu) { EXPECT_TRUE(PrepareDevice({}).ok()); }

TEST(DeviceTest, SaysWhichDeviceIsNotThere) {
  // No machine has a thousand devices; without any, or without CUDA's libraries, the same status says that.
  const absl::Status status = PrepareDevice({.cuda = true, .index = 999});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(FieldOf(status), "device");
  EXPECT_THAT(std::string(status.message()), HasSubstr("device: cuda:999 can't be used: "));
}

TEST(DeviceTest, DescribesTheCpuFirst) {
  const auto devices = DescribeDevices();
  ASSERT_FALSE(devices.empty());
  EXPECT_EQ(devices[0].name, "cpu");
  EXPECT_THAT(devices[0].description, HasSubstr(" cores"));
  EXPECT_GT(devices[0].memory_bytes, uint64_t{100} << 20);
}

TEST(DeviceTest, CountsMemoryThatTheProcessHas) {
  const uint64_t before = DescribeDevices()[0].used_bytes;
  constexpr size_t kSize = size_t{64} << 20;
  std::vector<char> written(kSize, 'x');
  const uint64_t after = DescribeDevices()[0].used_bytes;
  EXPECT_GT(before, 0u);
  // Others may give some back meanwhile.
  EXPECT_GT(after, before + kSize / 2);
  EXPECT_LT(after, DescribeDevices()[0].memory_bytes);
  EXPECT_EQ(written[kSize / 2], 'x');
}

}  // namespace
}  // namespace circuitd
