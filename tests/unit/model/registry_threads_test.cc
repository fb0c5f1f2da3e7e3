// Models are loaded once each, however many ask at a time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "base/mutex.h"
#include "server/model/registry.h"
#include "tests/unit/model/registry_test_util.h"
#include "tests/unit/model/temp_folder.h"
#include "tests/unit/model/tiny_model_files.h"

namespace circuitd {
namespace {

using ::testing::IsNull;

// A gate that threads wait at until it is opened, and that tells how many have come.
class Gate {
 public:
  void Pass() {
    MutexLock lock(mutex_);
    ++arrived_;
    changed_.SignalAll();
    while (!open_) changed_.Wait(mutex_);
  }
  void AwaitArrivals(int count) {
    MutexLock lock(mutex_);
    while (arrived_ < count) changed_.Wait(mutex_);
  }
  void Open() {
    MutexLock lock(mutex_);
    open_ = true;
    changed_.SignalAll();
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  int arrived_ GUARDED_BY(mutex_) = 0;
  bool open_ GUARDED_BY(mutex_) = false;
};

TEST(RegistryTest, LoadsOnceForAllWhoAskAtOnce) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  Gate gate;
  std::atomic<int> loads = 0;
  ModelRegistry registry(In(folder.path()), [&](const auto& location, DeviceId device, DType dtype) {
    ++loads;
    gate.Pass();
    return FakeModel(location, device, dtype);
  });
  std::vector<std::shared_ptr<const Model>> models(8);
  std::vector<std::jthread> threads;
  for (auto& model : models) threads.emplace_back([&] { model = *registry.Load("tiny", {}); });
  gate.AwaitArrivals(1);
  gate.Open();
  threads.clear();
  EXPECT_EQ(loads, 1);
  for (const auto& model : models) EXPECT_EQ(model, registry.FindLoaded("tiny"));
}

TEST(RegistryTest, ServesOthersWhileAModelLoads) {
  const TempFolder folder;
  WriteTinyModel(folder, "slow");
  WriteTinyModel(folder, "quick");
  Gate gate;
  ModelRegistry registry(In(folder.path()), [&](const auto& location, DeviceId device, DType dtype) {
    if (location.name == "slow") gate.Pass();
    return FakeModel(location, device, dtype);
  });
  std::jthread slow([&] { EXPECT_TRUE(registry.Load("slow", {}).ok()); });
  gate.AwaitArrivals(1);
  EXPECT_TRUE(registry.Load("quick", {}).ok());
  EXPECT_EQ(registry.List().size(), 2u);
  EXPECT_THAT(registry.Get("slow")->loaded, IsNull());
  EXPECT_THAT(registry.FindLoaded("slow"), IsNull());
  EXPECT_EQ(registry.Unload("slow").code(), absl::StatusCode::kNotFound);
  gate.Open();
  slow.join();
  EXPECT_NE(registry.FindLoaded("slow"), nullptr);
}

TEST(RegistryTest, CountsLoadsUnderWayAgainstItsBound) {
  const TempFolder folder;
  WriteTinyModel(folder, "slow");
  WriteTinyModel(folder, "quick");
  Gate gate;
  ModelRegistry::Options options = In(folder.path());
  options.max_loaded_models = 1;
  ModelRegistry registry(options, [&](const auto& location, DeviceId device, DType dtype) {
    gate.Pass();
    return FakeModel(location, device, dtype);
  });
  std::jthread slow([&] { EXPECT_TRUE(registry.Load("slow", {}).ok()); });
  gate.AwaitArrivals(1);
  EXPECT_EQ(registry.Load("quick", {}).status().code(), absl::StatusCode::kResourceExhausted);
  gate.Open();
}

TEST(RegistryTest, SharesTheFailureOfALoad) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  Gate gate;
  ModelRegistry registry(In(folder.path()),
                         [&](const auto&, DeviceId, DType) -> absl::StatusOr<std::shared_ptr<const Model>> {
                           gate.Pass();
                           return absl::FailedPreconditionError("broken");
                         });
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] { EXPECT_EQ(registry.Load("tiny", {}).status().message(), "broken"); });
  }
  gate.AwaitArrivals(1);
  gate.Open();
  threads.clear();
  EXPECT_THAT(registry.FindLoaded("tiny"), IsNull());
}

TEST(RegistryTest, TriesAgainForWhoWantedOtherOptions) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  Gate gate;
  ModelRegistry registry(
      In(folder.path()),
      [&](const auto& location, DeviceId device, DType dtype) -> absl::StatusOr<std::shared_ptr<const Model>> {
        if (!device.cuda) return FakeModel(location, device, dtype);
        gate.Pass();
        return absl::FailedPreconditionError("no such device");
      });
  std::jthread cuda([&] { EXPECT_FALSE(registry.Load("tiny", {.device = "cuda", .dtype = std::nullopt}).ok()); });
  gate.AwaitArrivals(1);
  std::jthread cpu([&] { EXPECT_TRUE(registry.Load("tiny", {.device = "cpu", .dtype = std::nullopt}).ok()); });
  gate.Open();
}

}  // namespace
}  // namespace circuitd
