#include "tools/model_folder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "server/model/safetensors.h"
#include "tools/trainer.h"
#include "tools/weight_names.h"

namespace circuitd {
namespace {

TEST(ModelFolderTest, WritesWhatTheServerReads) {
  ModelConfig config;
  config.n_layers = 1;
  config.n_heads = 2;
  config.d_model = 4;
  config.d_head = 2;
  config.d_mlp = 6;
  config.n_ctx = 3;
  config.d_vocab = 5;
  TrainingOptions options;
  options.steps = 1;
  options.batch = 1;
  auto weights = TrainGpt2(config, options, []() -> absl::StatusOr<std::vector<int>> {
    return std::vector<int>{1, 2, 3};
  });
  ASSERT_TRUE(weights.ok()) << weights.status();
  const std::string folder = testing::TempDir() + "/model_folder_test";
  std::filesystem::create_directories(folder);
  ASSERT_TRUE(WriteModel(config, *weights, folder).ok());

  std::ostringstream text;
  text << std::ifstream(folder + "/config.json").rdbuf();
  const auto read = ParseModelConfig(text.str());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->n_layers, 1);
  EXPECT_EQ(read->n_heads, 2);
  EXPECT_EQ(read->d_model, 4);
  EXPECT_EQ(read->d_mlp, 6);
  EXPECT_EQ(read->n_ctx, 3);
  EXPECT_EQ(read->d_vocab, 5);
  EXPECT_TRUE(read->tie_word_embeddings);

  const auto file = SafetensorsFile::Open(folder + "/model.safetensors", "model.safetensors");
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata().at("format"), "pt");
  const auto names = NamedWeights(config, *weights);
  EXPECT_EQ(file->tensors().size(), names.size());
  for (const NamedWeight& weight : names) {
    const auto tensor = file->Read(weight.name);
    ASSERT_TRUE(tensor.ok()) << tensor.status();
    EXPECT_EQ(tensor->shape, weight.shape);
    EXPECT_EQ(std::memcmp(tensor->data.data(), weight.tensor->const_data_ptr(), tensor->data.size()), 0) << weight.name;
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace circuitd
