// Weights arrive in torch as the files say, in every dtype; bad numbers are refused by tensor.
#include "server/model/weights_loader.h"

#include <c10/core/InferenceMode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "tests/unit/model/temp_folder.h"
#include "tests/unit/model/tiny_model_files.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<Gpt2Weights> Load(const TempFolder& folder, const ModelConfig& config,
                                 at::ScalarType dtype = at::kFloat) {
  const auto files = OpenWeightFiles(folder.path());
  if (!files.ok()) return files.status();
  return LoadGpt2Weights(*files, config, at::kCPU, dtype);
}

absl::StatusOr<Gpt2Weights> LoadTiny(const Tensors& tensors, const ModelConfig& config = TinyConfig(),
                                     at::ScalarType dtype = at::kFloat) {
  const TempFolder folder;
  WriteTensors(folder, "model.safetensors", tensors);
  return Load(folder, config, dtype);
}

std::string RefusalOf(const absl::Status& status) {
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << status;
  return std::string(status.message());
}

// What FloatTensor(shape, first) holds.
at::Tensor Expected(at::IntArrayRef shape, float first) {
  const int64_t count = c10::multiply_integers(shape);
  return (at::arange(count, at::kFloat) / 1024 + first).reshape(shape);
}

void SetFloat(HostTensor& tensor, int64_t index, float value) {
  std::memcpy(tensor.data.data() + index * 4, &value, sizeof value);
}

HostTensor AsDType(const HostTensor& floats, at::ScalarType dtype) {
  const at::Tensor tensor =
      at::from_blob(const_cast<char*>(floats.data.data()), floats.shape, at::kFloat).to(dtype).contiguous();
  return {.dtype = dtype == at::kHalf ? DType::kFloat16 : DType::kBFloat16,
          .shape = floats.shape,
          .data = std::string(static_cast<const char*>(tensor.data_ptr()), tensor.nbytes())};
}

TEST(WeightsLoaderTest, PutsEveryTensorInItsPlace) {
  ModelConfig config = TinyConfig();
  config.tie_word_embeddings = false;
  const auto weights = LoadTiny(TinyTensors(config), config);
  ASSERT_TRUE(weights.ok()) << weights.status();
  float first = 0;
  const auto expect = [&](const at::Tensor& tensor, at::IntArrayRef shape) {
    EXPECT_TRUE(at::equal(tensor, Expected(shape, first))) << "tensor " << first;
    EXPECT_TRUE(tensor.is_contiguous());
    first += 1;
  };
  expect(weights->embed, {7, 4});
  expect(weights->pos_embed, {5, 4});
  ASSERT_EQ(weights->blocks.size(), 2u);
  for (const BlockWeights& block : weights->blocks) {
    expect(block.ln1_weight, {4});
    expect(block.ln1_bias, {4});
    expect(block.attn_weight, {4, 12});
    expect(block.attn_bias, {12});
    expect(block.o_weight, {4, 4});
    expect(block.o_bias, {4});
    expect(block.ln2_weight, {4});
    expect(block.ln2_bias, {4});
    expect(block.in_weight, {4, 16});
    expect(block.in_bias, {16});
    expect(block.out_weight, {16, 4});
    expect(block.out_bias, {4});
  }
  expect(weights->ln_final_weight, {4});
  expect(weights->ln_final_bias, {4});
  expect(weights->unembed, {7, 4});
}

// LoadModel calls it in inference mode, whose tensors no backward pass may save.
TEST(WeightsLoaderTest, MakesTensorsThatAutogradCanSave) {
  const c10::InferenceMode guard;
  ModelConfig config = TinyConfig();
  config.tie_word_embeddings = false;
  const auto weights = LoadTiny(TinyTensors(config), config);
  ASSERT_TRUE(weights.ok()) << weights.status();
  std::vector<at::Tensor> all = {weights->embed, weights->pos_embed, weights->ln_final_weight, weights->ln_final_bias,
                                 weights->unembed};
  for (const BlockWeights& b : weights->blocks) {
    all.insert(all.end(), {b.ln1_weight, b.ln1_bias, b.attn_weight, b.attn_bias, b.o_weight, b.o_bias, b.ln2_weight,
                           b.ln2_bias, b.in_weight, b.in_bias, b.out_weight, b.out_bias});
  }
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_FALSE(all[i].is_inference()) << i;
    EXPECT_FALSE(all[i].requires_grad()) << i;
  }
}

TEST(WeightsLoaderTest, SharesTheEmbeddingWhenTied) {
  const auto weights = LoadTiny(TinyTensors(TinyConfig(), ""));
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_TRUE(weights->unembed.is_same(weights->embed));
}

TEST(WeightsLoaderTest, ConvertsEveryDTypeToEvery) {
  for (const at::ScalarType file_dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
    Tensors tensors = TinyTensors(TinyConfig());
    if (file_dtype != at::kFloat) {
      for (auto& [name, tensor] : tensors) tensor = AsDType(tensor, file_dtype);
    }
    for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
      const auto weights = LoadTiny(tensors, TinyConfig(), dtype);
      ASSERT_TRUE(weights.ok()) << weights.status();
      EXPECT_EQ(weights->embed.scalar_type(), dtype);
      EXPECT_TRUE(at::equal(weights->pos_embed, Expected({5, 4}, 1).to(file_dtype).to(dtype)))
          << file_dtype << " to " << dtype;
      EXPECT_TRUE(at::equal(weights->blocks[1].out_weight, Expected({16, 4}, 24).to(file_dtype).to(dtype)))
          << file_dtype << " to " << dtype;
    }
  }
}

TEST(WeightsLoaderTest, ReadsTensorsOfManyBlocks) {
  ModelConfig config = TinyConfig();
  config.d_vocab = 300'007;  // more than a million numbers, the last block partly filled
  const auto weights = LoadTiny(TinyTensors(config), config);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_TRUE(at::equal(weights->embed, Expected({300'007, 4}, 0)));
}

TEST(WeightsLoaderTest, ReadsShards) {
  const TempFolder folder;
  Tensors first, second;
  std::string map;
  for (const auto& [name, tensor] : TinyTensors(TinyConfig())) {
    const bool is_first = first.size() < 5;
    (is_first ? first : second)[name] = tensor;
    absl::StrAppend(&map, map.empty() ? "{" : ", ", "\"", name, "\": \"", is_first ? "1" : "2", ".safetensors\"");
  }
  WriteTensors(folder, "1.safetensors", first);
  WriteTensors(folder, "2.safetensors", second);
  folder.Write("model.safetensors.index.json", "{\"weight_map\": " + map + "}}");
  const auto weights = Load(folder, TinyConfig());
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_TRUE(at::equal(weights->embed, Expected({7, 4}, 0)));
  EXPECT_TRUE(at::equal(weights->blocks[0].ln1_weight, Expected({4}, 2)));
}

TEST(WeightsLoaderTest, RefusesNumbersThatAreNotFinite) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity}) {
    for (const at::ScalarType file_dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
      for (const at::ScalarType dtype : {at::kFloat, at::kHalf, at::kBFloat16}) {
        Tensors tensors = TinyTensors(TinyConfig());
        HostTensor& tensor = tensors["transformer.h.1.mlp.c_fc.weight"];
        SetFloat(tensor, 63, bad);
        if (file_dtype != at::kFloat) tensor = AsDType(tensor, file_dtype);
        EXPECT_EQ(RefusalOf(LoadTiny(tensors, TinyConfig(), dtype).status()),
                  R"(model.safetensors: tensor "transformer.h.1.mlp.c_fc.weight": a value is NaN or infinite)");
      }
    }
  }
}

TEST(WeightsLoaderTest, RefusesNumbersThatTheDTypeCantHold) {
  Tensors tensors = TinyTensors(TinyConfig());
  SetFloat(tensors["transformer.wpe.weight"], 0, 1e6f);
  EXPECT_TRUE(LoadTiny(tensors, TinyConfig(), at::kBFloat16).ok());
  EXPECT_THAT(RefusalOf(LoadTiny(tensors, TinyConfig(), at::kHalf).status()),
              HasSubstr(R"(tensor "transformer.wpe.weight": a value is too large for Half)"));
}

TEST(WeightsLoaderTest, AcceptsTheLargestFiniteNumber) {
  Tensors tensors = TinyTensors(TinyConfig());
  SetFloat(tensors["transformer.wpe.weight"], 0, std::numeric_limits<float>::max());
  EXPECT_TRUE(LoadTiny(tensors).ok());
}

TEST(WeightsLoaderTest, ReportsTheFirstBadTensorWhateverTheThreadsDo) {
  ModelConfig config = TinyConfig();
  config.d_vocab = 100'000;
  Tensors tensors = TinyTensors(config);
  for (const char* name : {"transformer.wte.weight", "transformer.ln_f.bias", "transformer.h.0.ln_1.bias"}) {
    SetFloat(tensors[name], 0, std::numeric_limits<float>::infinity());
  }
  for (int run = 0; run < 20; ++run) {
    EXPECT_THAT(RefusalOf(LoadTiny(tensors, config).status()), HasSubstr("wte.weight"));
  }
}

TEST(WeightsLoaderTest, AcceptsOnlyATiedCopyThatIsOne) {
  Tensors tensors = TinyTensors(TinyConfig());
  tensors["lm_head.weight"] = tensors["transformer.wte.weight"];
  const auto weights = LoadTiny(tensors);
  ASSERT_TRUE(weights.ok()) << weights.status();
  EXPECT_TRUE(weights->unembed.is_same(weights->embed));
  SetFloat(tensors["lm_head.weight"], 27, -1);
  EXPECT_THAT(RefusalOf(LoadTiny(tensors).status()),
              HasSubstr(R"(tensor "lm_head.weight": differs from the token embedding)"));
}

TEST(WeightsLoaderTest, ReadsATiedCopyToItsEndAndInItsOwnDType) {
  ModelConfig config = TinyConfig();
  config.d_vocab = 100'000;  // more than one block
  Tensors tensors = TinyTensors(config);
  HostTensor& embed = tensors["transformer.wte.weight"];
  embed = AsDType(FloatTensor({config.d_vocab, config.d_model}, 0), at::kHalf);
  HostTensor copy = FloatTensor({config.d_vocab, config.d_model}, 0);
  for (int64_t i = 0; i < 4 * int64_t{config.d_vocab}; ++i) {
    SetFloat(copy, i, static_cast<float>(at::Half(static_cast<float>(i) / 1024)));
  }
  tensors["lm_head.weight"] = copy;
  EXPECT_TRUE(LoadTiny(tensors, config).ok());
  SetFloat(tensors["lm_head.weight"], 399'999, -1);
  EXPECT_THAT(RefusalOf(LoadTiny(tensors, config).status()), HasSubstr("differs from the token embedding"));
  SetFloat(tensors["lm_head.weight"], 399'999, std::numeric_limits<float>::infinity());
  EXPECT_THAT(RefusalOf(LoadTiny(tensors, config).status()),
              HasSubstr(R"(tensor "lm_head.weight": a value is NaN or infinite)"));
}

TEST(WeightsLoaderTest, ReportsAFileThatShrinksUnderIt) {
  const TempFolder folder;
  WriteTensors(folder, "model.safetensors", TinyTensors(TinyConfig()));
  const auto files = OpenWeightFiles(folder.path());
  ASSERT_TRUE(files.ok());
  const auto shorter = std::filesystem::file_size(folder / "model.safetensors") - 100;
  std::filesystem::resize_file(folder / "model.safetensors", shorter);
  const std::string refusal = RefusalOf(LoadGpt2Weights(*files, TinyConfig(), at::kCPU, at::kFloat).status());
  EXPECT_EQ(refusal, absl::StrCat("model.safetensors: ended at byte ", shorter, " while it was read"));
}

TEST(WeightsLoaderTest, RefusesWeightsThatDontFitInMemory) {
  const TempFolder folder;
  ModelConfig config = TinyConfig();
  // Terabytes, all of them holes.
  config.d_model = 65'536;
  config.d_vocab = 4'194'304;
  config.n_layers = 64;
  std::string header = "{";
  int64_t offset = 0;
  for (const WeightSpec& spec : Gpt2WeightSpecs(config)) {
    int64_t bytes = 4;
    for (const int64_t dimension : spec.shape) bytes *= dimension;
    absl::StrAppend(&header, offset ? "," : "", "\"", spec.name,
                    "\":{\"dtype\":\"F32\",\"shape\":", ShowShape(spec.shape), ",\"data_offsets\":[", offset, ",",
                    offset + bytes, "]}");
    offset += bytes;
  }
  header += "}";
  std::string length;
  for (int i = 0; i < 8; ++i) length.push_back(static_cast<char>(header.size() >> (8 * i) & 0xFF));
  folder.Write("model.safetensors", length + header);
  std::filesystem::resize_file(folder / "model.safetensors",
                               length.size() + header.size() + static_cast<uintmax_t>(offset));
  const auto weights = Load(folder, config);
  EXPECT_EQ(weights.status().code(), absl::StatusCode::kResourceExhausted) << weights.status();
  EXPECT_THAT(std::string(weights.status().message()), HasSubstr("this machine has"));
}

}  // namespace
}  // namespace circuitd
