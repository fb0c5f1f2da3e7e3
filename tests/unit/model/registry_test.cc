// Models come and go by name.
#include "server/model/registry.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/sha256.h"
#include "server/model/gpt2.h"
#include "tests/unit/model/registry_test_util.h"
#include "tests/unit/model/temp_folder.h"
#include "tests/unit/model/tiny_model_files.h"

namespace circuitd {
namespace {

using ::testing::ElementsAre;
using ::testing::IsNull;

TEST(RegistryTest, LoadsFindsAndUnloads) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  WriteTinyModel(folder, "other");
  ModelRegistry registry(In(folder.path()));
  EXPECT_THAT(registry.FindLoaded("tiny"), IsNull());
  const auto model = registry.Load("tiny", {});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->name(), "tiny");
  EXPECT_EQ((*model)->device(), "cpu");
  EXPECT_EQ((*model)->dtype(), DType::kFloat32);
  EXPECT_EQ((*model)->config().d_vocab, 7);
  EXPECT_THAT((*model)->tokenizer(), IsNull());
  EXPECT_EQ((*model)->network().weights().blocks.size(), 2u);
  // 7*4 + 5*4 + 2 * (4 + 4 + 48 + 12 + 16 + 4 + 4 + 4 + 64 + 16 + 64 + 4) + 8, the unembedding being tied.
  EXPECT_EQ((*model)->parameter_count(), 544);
  EXPECT_EQ(registry.FindLoaded("tiny"), *model);
  EXPECT_EQ(*registry.Load("tiny", {}), *model);

  const auto listings = registry.List();
  ASSERT_EQ(listings.size(), 2u);
  EXPECT_EQ(listings[0].name, "other");
  EXPECT_THAT(listings[0].loaded, IsNull());
  EXPECT_EQ(listings[1].loaded, *model);
  EXPECT_EQ(registry.Get("tiny")->loaded, *model);
  EXPECT_THAT(registry.Get("other")->loaded, IsNull());

  EXPECT_TRUE(registry.Unload("tiny").ok());
  EXPECT_THAT(registry.FindLoaded("tiny"), IsNull());
  EXPECT_EQ((*model)->network().weights().embed.numel(), 28);  // who has it keeps it
  ExpectError(registry.Unload("tiny"), absl::StatusCode::kNotFound, "model", "\"tiny\" is not loaded");
}

TEST(RegistryTest, CountsSeparateUnembeddings) {
  const TempFolder folder;
  ModelConfig untied = TinyConfig();
  untied.tie_word_embeddings = false;
  folder.Write("untied/config.json", TinyConfigJson(R"(, "tie_word_embeddings": false)"));
  WriteTensors(folder, "untied/model.safetensors", TinyTensors(untied));
  ModelRegistry registry(In(folder.path()));
  EXPECT_EQ((*registry.Load("untied", {}))->parameter_count(), 544 + 28);
}

TEST(RegistryTest, LoadsSharedModels) {
  const std::string models = CIRCUITD_SOURCE_DIR "/../shared/models";
  ASSERT_TRUE(std::filesystem::exists(models)) << "the shared material's models are needed and not there";
  ModelRegistry registry(In(models));
  const auto nano_sort = registry.Load("nano-sort", {});
  ASSERT_TRUE(nano_sort.ok()) << nano_sort.status();
  EXPECT_THAT((*nano_sort)->tokenizer(), IsNull());
  EXPECT_EQ((*nano_sort)->config().n_ctx, 11);
  EXPECT_FALSE((*nano_sort)->network().weights().unembed.is_same((*nano_sort)->network().weights().embed));
  const auto seqcont = registry.Load("seqcont-4l", {});
  ASSERT_TRUE(seqcont.ok()) << seqcont.status();
  ASSERT_NE((*seqcont)->tokenizer(), nullptr);
  EXPECT_EQ((*seqcont)->tokenizer()->size(), 50257);
  EXPECT_EQ((*seqcont)->config().n_ctx, 64);
  EXPECT_TRUE((*seqcont)->Sha256().ok());
}

TEST(RegistryTest, TreatsAliasesAsOneModel) {
  const TempFolder folder;
  WriteTinyModel(folder, "openai-community/gpt2");
  ModelRegistry registry(In(folder.path()));
  const auto model = registry.Load("gpt2-small", {});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ((*model)->name(), "gpt2");
  EXPECT_EQ(*registry.Load("gpt2", {}), *model);
  EXPECT_EQ(registry.FindLoaded("openai-community/gpt2"), *model);
  EXPECT_THAT(registry.Get("gpt2-small")->aliases, ElementsAre("gpt2-small", "openai-community/gpt2"));
  EXPECT_EQ(registry.List().size(), 1u);
  EXPECT_TRUE(registry.Unload("openai-community/gpt2").ok());
}

TEST(RegistryTest, FingerprintsConfigWeightsAndTokenizer) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  ModelRegistry registry(In(folder.path()));
  const auto first = (*registry.Load("tiny", {}))->Sha256();
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(IsSha256Hex(*first));

  ASSERT_TRUE(registry.Unload("tiny").ok());
  EXPECT_EQ(*(*registry.Load("tiny", {}))->Sha256(), *first);

  ASSERT_TRUE(registry.Unload("tiny").ok());
  folder.Write("tiny/config.json", TinyConfigJson(R"(, "n_ctx": 5)"));
  const auto second = (*registry.Load("tiny", {}))->Sha256();
  EXPECT_NE(*second, *first);

  ASSERT_TRUE(registry.Unload("tiny").ok());
  Tensors tensors = TinyTensors(TinyConfig());
  tensors["transformer.wpe.weight"] = FloatTensor({5, 4}, 99);
  WriteTensors(folder, "tiny/model.safetensors", tensors);
  EXPECT_NE(*(*registry.Load("tiny", {}))->Sha256(), *second);
}

TEST(RegistryTest, RefusesLoadedModelsWithOtherOptions) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  ModelRegistry registry(In(folder.path()), FakeModel);
  const auto model = registry.Load("tiny", {.device = "cuda:1", .dtype = DType::kBFloat16});
  ASSERT_TRUE(model.ok()) << model.status();
  EXPECT_EQ(*registry.Load("tiny", {.device = "", .dtype = std::nullopt}), *model);
  EXPECT_EQ(*registry.Load("tiny", {.device = "cuda:1", .dtype = std::nullopt}), *model);
  ExpectError(registry.Load("tiny", {.device = "cpu", .dtype = std::nullopt}).status(),
              absl::StatusCode::kFailedPrecondition, "device", "device: cpu, but \"tiny\" is loaded with cuda:1");
  ExpectError(registry.Load("tiny", {.device = "cuda", .dtype = std::nullopt}).status(),
              absl::StatusCode::kFailedPrecondition, "device", "device: cuda:0, but");
  ExpectError(registry.Load("tiny", {.device = "", .dtype = DType::kFloat32}).status(),
              absl::StatusCode::kFailedPrecondition, "data_type",
              "data_type: float32, but \"tiny\" is loaded with bfloat16; unload it first");
}

TEST(RegistryTest, LoadsOtherDTypesOnTheCpu) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  ModelRegistry registry(In(folder.path()));
  for (const auto& [dtype, torch_dtype] : {std::pair(DType::kFloat16, at::kHalf), {DType::kBFloat16, at::kBFloat16}}) {
    const auto model = registry.Load("tiny", {.device = "cpu", .dtype = dtype});
    ASSERT_TRUE(model.ok()) << model.status();
    EXPECT_EQ((*model)->dtype(), dtype);
    EXPECT_EQ((*model)->network().dtype(), torch_dtype);
    ASSERT_TRUE(registry.Unload("tiny").ok());
  }
}

TEST(RegistryTest, UsesTheDefaultDevice) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  ModelRegistry::Options options = In(folder.path());
  options.default_device = "cuda:2";
  ModelRegistry registry(options, FakeModel);
  EXPECT_EQ((*registry.Load("tiny", {}))->device(), "cuda:2");
}

TEST(RegistryTest, RefusesBadRequests) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  ModelRegistry registry(In(folder.path()));
  ExpectError(registry.Load("../tiny", {}).status(), absl::StatusCode::kInvalidArgument, "model", "NAME or ORG/NAME");
  ExpectError(registry.Get("").status(), absl::StatusCode::kInvalidArgument, "model", "empty");
  ExpectError(registry.Unload("/tiny"), absl::StatusCode::kInvalidArgument, "model", "NAME or ORG/NAME");
  ExpectError(registry.Load("absent", {}).status(), absl::StatusCode::kNotFound, "model",
              "no model \"absent\"; there are: tiny");
  ExpectError(registry.Get("absent").status(), absl::StatusCode::kNotFound, "model", "there are: tiny");
  ExpectError(registry.Load("tiny", {.device = "tpu", .dtype = std::nullopt}).status(),
              absl::StatusCode::kInvalidArgument, "device", "must be cpu, cuda or cuda:N");
  ExpectError(registry.Load("tiny", {.device = "", .dtype = DType::kInt64}).status(),
              absl::StatusCode::kInvalidArgument, "data_type", "must be float32, float16 or bfloat16");
  ExpectError(registry.Load("tiny", {.device = "cuda:999", .dtype = std::nullopt}).status(),
              absl::StatusCode::kFailedPrecondition, "device", "cuda:999 can't be used");
  EXPECT_THAT(registry.FindLoaded("tiny"), IsNull());
}

TEST(RegistryTest, NamesModelAndFileThatCantBeServed) {
  const TempFolder folder;
  folder.Write("wrong/config.json", R"({"model_type": "bert"})");
  folder.Write("pickled/config.json", TinyConfigJson());
  folder.Write("pickled/pytorch_model.bin", "pickle");
  WriteTinyModel(folder, "tokenizer");
  folder.Write("tokenizer/vocab.json", "[]");
  folder.Write("tokenizer/merges.txt", "");
  ModelRegistry registry(In(folder.path()));
  ExpectError(registry.Load("wrong", {}).status(), absl::StatusCode::kFailedPrecondition, "model",
              "model: \"wrong\": config.json: model_type is \"bert\"");
  ExpectError(registry.Load("pickled", {}).status(), absl::StatusCode::kFailedPrecondition, "model",
              "model: \"pickled\": \"pytorch_model.bin\" holds pickled weights");
  ExpectError(registry.Load("tokenizer", {}).status(), absl::StatusCode::kFailedPrecondition, "model",
              "model: \"tokenizer\": vocab.json: ");
}

TEST(RegistryTest, LeavesNothingOfAFailedLoad) {
  const TempFolder folder;
  folder.Write("tiny/config.json", TinyConfigJson());
  ModelRegistry::Options options = In(folder.path());
  options.max_loaded_models = 1;
  ModelRegistry registry(options);
  EXPECT_FALSE(registry.Load("tiny", {}).ok());
  EXPECT_THAT(registry.FindLoaded("tiny"), IsNull());
  EXPECT_THAT(registry.Get("tiny")->loaded, IsNull());
  WriteTinyModel(folder, "tiny");
  EXPECT_TRUE(registry.Load("tiny", {}).ok());
}

TEST(RegistryTest, KeepsALoadedModelWhoseFolderHasGone) {
  const TempFolder folder;
  WriteTinyModel(folder, "tiny");
  ModelRegistry registry(In(folder.path()), FakeModel);
  const auto model = registry.Load("tiny", {});
  std::filesystem::remove_all(folder / "tiny");
  EXPECT_EQ(*registry.Load("tiny", {}), *model);
  EXPECT_EQ(registry.Get("tiny")->loaded, *model);
  ASSERT_EQ(registry.List().size(), 1u);
  EXPECT_EQ(registry.List()[0].loaded, *model);
}

}  // namespace
}  // namespace circuitd
