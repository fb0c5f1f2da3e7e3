// How many models are in memory, those that were unloaded while somebody used them included.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "server/model/registry.h"
#include "tests/unit/model/registry_test_util.h"
#include "tests/unit/model/temp_folder.h"
#include "tests/unit/model/tiny_model_files.h"

namespace circuitd {
namespace {

TEST(RegistryTest, HoldsNoMoreModelsThanItsBound) {
  const TempFolder folder;
  for (const char* name : {"a", "b", "c"}) WriteTinyModel(folder, name);
  ModelRegistry::Options options = In(folder.path());
  options.max_loaded_models = 2;
  ModelRegistry registry(options, FakeModel);
  ASSERT_TRUE(registry.Load("a", {}).ok());
  ASSERT_TRUE(registry.Load("b", {}).ok());
  ExpectError(registry.Load("c", {}).status(), absl::StatusCode::kResourceExhausted, "model",
              "\"c\" does not fit: this server holds at most 2 models");
  ASSERT_TRUE(registry.Load("a", {}).ok());
  ASSERT_TRUE(registry.Unload("a").ok());
  EXPECT_TRUE(registry.Load("c", {}).ok());
}

TEST(RegistryTest, CountsUnloadedModelsThatAreInUse) {
  const TempFolder folder;
  for (const char* name : {"a", "b", "c"}) WriteTinyModel(folder, name);
  ModelRegistry registry(In(folder.path(), 2), FakeModel);
  auto held = *registry.Load("a", {});
  ASSERT_TRUE(registry.Unload("a").ok());
  ASSERT_TRUE(registry.Load("b", {}).ok());
  ExpectError(registry.Load("c", {}).status(), absl::StatusCode::kResourceExhausted, "model",
              "\"c\" does not fit: this server holds at most 2 models (max_loaded_models), and has b (loaded), "
              "a (unloaded, but in use by jobs or requests); unload one");
  held.reset();
  EXPECT_TRUE(registry.Load("c", {}).ok());
}

TEST(RegistryTest, TakesBackAnUnloadedModelThatIsInUse) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  ModelRegistry registry(In(folder.path(), 1), FakeModel);
  const auto model = *registry.Load("tiny", {});
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(registry.Unload("tiny").ok());
    EXPECT_EQ(registry.FindLoaded("tiny"), nullptr);
    const auto again = registry.Load("tiny", {});
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(*again, model);
    EXPECT_EQ(registry.FindLoaded("tiny"), model);
  }
}

TEST(RegistryTest, TakesBackOnlyWhatALoadWouldGive) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  ModelRegistry registry(In(folder.path(), 4), FakeModel);
  const auto first = *registry.Load("tiny", {});
  ASSERT_TRUE(registry.Unload("tiny").ok());
  const auto half = *registry.Load("tiny", {.device = "", .dtype = DType::kFloat16});
  EXPECT_NE(half, first);
  ASSERT_TRUE(registry.Unload("tiny").ok());
  const auto cuda = *registry.Load("tiny", {.device = "cuda:1", .dtype = std::nullopt});
  EXPECT_NE(cuda, first);
  ASSERT_TRUE(registry.Unload("tiny").ok());
  EXPECT_EQ(*registry.Load("tiny", {.device = "cpu", .dtype = DType::kFloat16}), half);
  ASSERT_TRUE(registry.Unload("tiny").ok());
  folder.Write("tiny/config.json", TinyConfigJson(R"(, "n_ctx": 5)"));
  const auto changed = *registry.Load("tiny", {});
  EXPECT_NE(changed, first);
  ASSERT_TRUE(registry.Unload("tiny").ok());
  // All four are in use, whatever their name.
  folder.Write("tiny/config.json", TinyConfigJson());
  ExpectError(registry.Load("tiny", {}).status(), absl::StatusCode::kResourceExhausted, "model",
              "\"tiny\" does not fit: this server holds at most 4 models");
}

TEST(RegistryTest, LoadsAnewWhatNobodyUses) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  int loads = 0;
  ModelRegistry registry(In(folder.path(), 1), [&](const auto& location, DeviceId device, DType dtype) {
    ++loads;
    return FakeModel(location, device, dtype);
  });
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(registry.Load("tiny", {}).ok());
    ASSERT_TRUE(registry.Unload("tiny").ok());
  }
  EXPECT_EQ(loads, 3);
}

}  // namespace
}  // namespace circuitd
