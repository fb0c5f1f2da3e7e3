// Which folders' weight files are accepted, and where GPT-2's tensors are found in them.
#include "server/model/weight_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/unit/model/temp_folder.h"
#include "tests/unit/model/tiny_model_files.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;

std::string RefusalOf(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  return std::string(status.message());
}

// Opens `folder` and finds TinyConfig's tensors.
absl::Status FindTiny(const TempFolder& folder, const ModelConfig& config = TinyConfig()) {
  const auto files = OpenWeightFiles(folder.path());
  if (!files.ok()) return files.status();
  return FindWeights(config, *files).status();
}

std::string Index(const std::string& weight_map) {
  return R"({"metadata": {"total_size": 1}, "weight_map": )" + weight_map + "}";
}

// Two shards and their index of TinyConfig's tensors.
void WriteShards(const TempFolder& folder) {
  Tensors first, second;
  std::string map;
  for (const auto& [name, tensor] : TinyTensors(TinyConfig())) {
    const bool is_first = first.size() <= second.size();
    (is_first ? first : second)[name] = tensor;
    absl::StrAppend(&map, map.empty() ? "{" : ", ", "\"", name, "\": \"", is_first ? "1" : "2", ".safetensors\"");
  }
  WriteTensors(folder, "1.safetensors", first);
  WriteTensors(folder, "2.safetensors", second);
  folder.Write("model.safetensors.index.json", Index(map + "}"));
}

TEST(WeightFilesTest, FindsTensorsWithAndWithoutPrefix) {
  for (const std::string prefix : {"", "transformer."}) {
    const TempFolder folder;
    WriteTensors(folder, "model.safetensors", TinyTensors(TinyConfig(), prefix));
    const auto files = OpenWeightFiles(folder.path());
    ASSERT_TRUE(files.ok()) << files.status();
    const auto sources = FindWeights(TinyConfig(), *files);
    ASSERT_TRUE(sources.ok()) << sources.status();
    const auto specs = Gpt2WeightSpecs(TinyConfig());
    ASSERT_EQ(sources->tensors.size(), specs.size());
    for (size_t i = 0; i < specs.size(); ++i) {
      EXPECT_EQ(*sources->tensors[i].name, prefix + specs[i].name);
      EXPECT_EQ(sources->tensors[i].entry->shape, specs[i].shape);
    }
    EXPECT_FALSE(sources->tied_unembed);
  }
}

TEST(WeightFilesTest, PassesOverLegacyBuffers) {
  const TempFolder folder;
  Tensors tensors = TinyTensors(TinyConfig(), "");
  tensors["h.0.attn.bias"] = FloatTensor({1, 1, 5, 5}, 0);
  tensors["h.1.attn.masked_bias"] = FloatTensor({}, -1e4);
  WriteTensors(folder, "model.safetensors", tensors);
  EXPECT_TRUE(FindTiny(folder).ok()) << FindTiny(folder);

  tensors["h.2.attn.bias"] = FloatTensor({1, 1, 5, 5}, 0);
  WriteTensors(folder, "model.safetensors", tensors);
  EXPECT_EQ(RefusalOf(FindTiny(folder)),
            R"(model.safetensors: tensor "h.2.attn.bias" does not belong to a GPT-2 of 2 layers)");
}

TEST(WeightFilesTest, ReadsShards) {
  const TempFolder folder;
  WriteShards(folder);
  EXPECT_TRUE(FindTiny(folder).ok()) << FindTiny(folder);
  const auto files = OpenWeightFiles(folder.path());
  std::vector<std::string> names;
  for (const auto& [name, stamp] : files->names) names.push_back(name);
  EXPECT_THAT(names, ::testing::ElementsAre("model.safetensors.index.json", "1.safetensors", "2.safetensors"));
}

TEST(WeightFilesTest, PrefersTheSingleFile) {
  const TempFolder folder;
  WriteTensors(folder, "model.safetensors", TinyTensors(TinyConfig()));
  folder.Write("model.safetensors.index.json", "not even JSON");
  EXPECT_TRUE(FindTiny(folder).ok()) << FindTiny(folder);
}

TEST(WeightFilesTest, RefusesIndexesByName) {
  const TempFolder folder;
  const auto refusal = [&](const std::string& index) {
    folder.Write("model.safetensors.index.json", index);
    return RefusalOf(OpenWeightFiles(folder.path()).status());
  };
  EXPECT_THAT(refusal("{"), HasSubstr("model.safetensors.index.json: is not JSON"));
  EXPECT_THAT(refusal("[]"), HasSubstr("weight_map is missing"));
  EXPECT_THAT(refusal("{}"), HasSubstr("weight_map is missing"));
  EXPECT_THAT(refusal(Index("[]")), HasSubstr("not an object"));
  EXPECT_THAT(refusal(Index("{}")), HasSubstr("weight_map is empty"));
  EXPECT_THAT(refusal(Index(R"({"a": "1.safetensors", "a": "2.safetensors"})")), HasSubstr(R"(the key "a" twice)"));
  for (const std::string shard :
       {R"("../1.safetensors")", R"("/etc/1.safetensors")", R"("sub/1.safetensors")", R"("..\\1.safetensors")",
        R"(".hidden.safetensors")", R"(".safetensors")", R"("passwd")", R"("")", R"("a\u0000.safetensors")", "1",
        "null", R"(["1.safetensors"])"}) {
    EXPECT_THAT(refusal(Index("{\"wte.weight\": " + shard + "}")),
                HasSubstr("must be the name of a .safetensors file in the same folder"))
        << shard;
  }
  std::string many;
  for (int i = 0; i < 1001; ++i) absl::StrAppend(&many, i ? ", " : "{", "\"", i, "\": \"", i, ".safetensors\"");
  EXPECT_THAT(refusal(Index(many + "}")), HasSubstr("names 1001 files, at most 1000 are accepted"));
  EXPECT_THAT(refusal(Index(R"({"a": "absent.safetensors"})")), HasSubstr("absent.safetensors: there is no such file"));
}

TEST(WeightFilesTest, RefusesShardsThatContradictTheirIndex) {
  const TempFolder folder;
  WriteTensors(folder, "1.safetensors", {{"a", FloatTensor({1}, 0)}});
  WriteTensors(folder, "2.safetensors", {{"a", FloatTensor({1}, 0)}, {"b", FloatTensor({1}, 0)}});
  folder.Write("model.safetensors.index.json", Index(R"({"c": "1.safetensors"})"));
  EXPECT_EQ(RefusalOf(OpenWeightFiles(folder.path()).status()),
            R"(1.safetensors: tensor "c" is missing, though model.safetensors.index.json says it is here)");
  folder.Write("model.safetensors.index.json", Index(R"({"a": "1.safetensors", "b": "2.safetensors"})"));
  EXPECT_EQ(RefusalOf(OpenWeightFiles(folder.path()).status()),
            R"(2.safetensors: tensor "a" is here, though model.safetensors.index.json does not say so)");
}

TEST(WeightFilesTest, RefusesMissingShard) {
  const TempFolder folder;
  WriteShards(folder);
  std::filesystem::remove(folder / "2.safetensors");
  EXPECT_EQ(RefusalOf(FindTiny(folder)), "2.safetensors: there is no such file");
}

TEST(WeightFilesTest, RefusesEachMissingTensor) {
  const TempFolder folder;
  for (const WeightSpec& spec : Gpt2WeightSpecs(TinyConfig())) {
    Tensors tensors = TinyTensors(TinyConfig());
    ASSERT_EQ(tensors.erase("transformer." + spec.name), 1u);
    WriteTensors(folder, "model.safetensors", tensors);
    EXPECT_EQ(RefusalOf(FindTiny(folder)), "model.safetensors: tensor \"" + spec.name + "\" is missing");
  }
}

TEST(WeightFilesTest, RefusesEachWrongShapeAndNamesBoth) {
  const TempFolder folder;
  for (const WeightSpec& spec : Gpt2WeightSpecs(TinyConfig())) {
    Tensors tensors = TinyTensors(TinyConfig());
    std::vector<int64_t> wrong = spec.shape;
    wrong.back() += 1;
    tensors["transformer." + spec.name] = FloatTensor(wrong, 0);
    WriteTensors(folder, "model.safetensors", tensors);
    EXPECT_EQ(RefusalOf(FindTiny(folder)),
              absl::StrCat("model.safetensors: tensor \"transformer.", spec.name, "\": shape ", ShowShape(wrong),
                           ", config.json asks for ", ShowShape(spec.shape)));
  }
}

TEST(WeightFilesTest, RefusesTransposedMatrices) {
  const TempFolder folder;
  Tensors tensors = TinyTensors(TinyConfig());
  tensors["transformer.h.1.mlp.c_fc.weight"].shape = {16, 4};
  WriteTensors(folder, "model.safetensors", tensors);
  EXPECT_THAT(RefusalOf(FindTiny(folder)), HasSubstr("shape [16, 4], config.json asks for [4, 16]"));
}

TEST(WeightFilesTest, RefusesWrongDType) {
  const TempFolder folder;
  Tensors tensors = TinyTensors(TinyConfig());
  tensors["transformer.ln_f.bias"] = {.dtype = DType::kInt64, .shape = {4}, .data = std::string(32, '\0')};
  WriteTensors(folder, "model.safetensors", tensors);
  EXPECT_EQ(RefusalOf(FindTiny(folder)),
            R"(model.safetensors: tensor "transformer.ln_f.bias": dtype I64, must be F32, F16 or BF16)");
}

TEST(WeightFilesTest, RefusesUnexpectedTensors) {
  const TempFolder folder;
  for (const std::string name : {"score.weight", "transformer.h.2.ln_1.weight", "transformer.h.00.ln_1.weight",
                                 "transformer.transformer.wte.weight", "h.0.crossattention.c_attn.weight"}) {
    Tensors tensors = TinyTensors(TinyConfig());
    tensors[name] = FloatTensor({4}, 0);
    WriteTensors(folder, "model.safetensors", tensors);
    EXPECT_EQ(RefusalOf(FindTiny(folder)),
              "model.safetensors: tensor \"" + name + "\" does not belong to a GPT-2 of 2 layers");
  }
}

TEST(WeightFilesTest, RefusesTheSameTensorUnderBothSpellings) {
  const TempFolder folder;
  Tensors tensors = TinyTensors(TinyConfig());
  tensors["wte.weight"] = FloatTensor({7, 4}, 0);
  WriteTensors(folder, "model.safetensors", tensors);
  EXPECT_THAT(RefusalOf(FindTiny(folder)),
              HasSubstr(R"(tensor "wte.weight" is there twice, as "transformer.wte.weight" in model.safetensors too)"));
}

TEST(WeightFilesTest, FindsTheUnembeddingWhereItBelongs) {
  const TempFolder folder;
  ModelConfig untied = TinyConfig();
  untied.tie_word_embeddings = false;
  WriteTensors(folder, "model.safetensors", TinyTensors(TinyConfig()));
  EXPECT_EQ(RefusalOf(FindTiny(folder, untied)),
            R"(model.safetensors: tensor "lm_head.weight" is missing, and config.json's tie_word_embeddings is false)");

  WriteTensors(folder, "model.safetensors", TinyTensors(untied));
  EXPECT_TRUE(FindTiny(folder, untied).ok());
  const auto files = OpenWeightFiles(folder.path());
  const auto tied = FindWeights(TinyConfig(), *files);
  ASSERT_TRUE(tied.ok()) << tied.status();
  EXPECT_TRUE(tied->tied_unembed);

  Tensors tensors = TinyTensors(TinyConfig());
  tensors["transformer.lm_head.weight"] = FloatTensor({7, 4}, 0);
  WriteTensors(folder, "model.safetensors", tensors);
  EXPECT_THAT(RefusalOf(FindTiny(folder, untied)), HasSubstr(R"("transformer.lm_head.weight" does not belong)"));
  EXPECT_THAT(RefusalOf(FindTiny(folder)), HasSubstr(R"("transformer.lm_head.weight" does not belong)"));
}

TEST(WeightFilesTest, SaysHowToConvertPickledWeights) {
  for (const std::string name :
       {"pytorch_model.bin", "model.pt", "last.ckpt", "model.pth", "pytorch_model-00001-of-2.bin"}) {
    const TempFolder folder;
    folder.Write(name, "pickle");
    const std::string refusal = RefusalOf(OpenWeightFiles(folder.path()).status());
    EXPECT_THAT(refusal, HasSubstr("\"" + name + "\" holds pickled weights"));
    EXPECT_THAT(refusal, HasSubstr("save_pretrained('FOLDER', safe_serialization=True)"));
  }
}

TEST(WeightFilesTest, IgnoresPickledWeightsBesideSafetensors) {
  const TempFolder folder;
  WriteTensors(folder, "model.safetensors", TinyTensors(TinyConfig()));
  folder.Write("pytorch_model.bin", "pickle");
  EXPECT_TRUE(FindTiny(folder).ok());
}

TEST(WeightFilesTest, SaysWhichFilesAreNeeded) {
  const TempFolder folder;
  EXPECT_EQ(
      RefusalOf(OpenWeightFiles(folder.path()).status()),
      "model.safetensors is not there, nor is model.safetensors.index.json with its shards; one of them is needed");
  folder.Write("tf_model.h5", "");
  EXPECT_THAT(RefusalOf(OpenWeightFiles(folder.path()).status()), HasSubstr(R"(("tf_model.h5" is of no use here))"));
}

TEST(WeightFilesTest, RefusesAFifoInsteadOfAFile) {
  const TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "model.safetensors").c_str(), 0600), 0);
  EXPECT_EQ(RefusalOf(OpenWeightFiles(folder.path()).status()), "model.safetensors: is not a regular file");
}

}  // namespace
}  // namespace circuitd
