#include "tools/trainer.h"

#include <ATen/Parallel.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tools/weight_names.h"

namespace circuitd {
namespace {

ModelConfig TinyConfig() {
  ModelConfig config;
  config.n_layers = 2;
  config.n_heads = 2;
  config.d_model = 16;
  config.d_head = 8;
  config.d_mlp = 32;
  config.n_ctx = 8;
  config.d_vocab = 10;
  return config;
}

// Counts upwards from a random digit, modulo ten.
TextSource Counting(int seed) {
  return [random = std::mt19937(seed)]() mutable -> absl::StatusOr<std::vector<int>> {
    std::vector<int> ids;
    for (unsigned i = 0, start = random(); i < 8; ++i) ids.push_back((start % 10 + i) % 10);
    return ids;
  };
}

struct Trained {
  Gpt2Weights weights;
  std::vector<double> losses;
};

Trained Train(uint64_t seed, int steps) {
  at::set_num_threads(1);
  Trained result;
  TrainingOptions options;
  options.seed = seed;
  options.steps = steps;
  options.batch = 8;
  options.peak_learning_rate = 1e-2;
  options.on_step = [&](int, double loss) { result.losses.push_back(loss); };
  absl::StatusOr<Gpt2Weights> weights = TrainGpt2(TinyConfig(), options, Counting(5));
  EXPECT_TRUE(weights.ok()) << weights.status();
  if (weights.ok()) result.weights = *std::move(weights);
  return result;
}

TEST(TrainerTest, StartsAtUniformPredictionsAndLearns) {
  const Trained trained = Train(1, 100);
  ASSERT_EQ(trained.losses.size(), 100u);
  EXPECT_NEAR(trained.losses.front(), std::log(10), 0.1);
  EXPECT_LT(trained.losses.back(), 0.5);
}

TEST(TrainerTest, IsDeterministic) {
  Trained one = Train(1, 10), same = Train(1, 10), other = Train(2, 10);
  EXPECT_EQ(one.losses, same.losses);
  EXPECT_NE(one.losses, other.losses);
  const auto names = NamedWeights(TinyConfig(), one.weights);
  const auto same_names = NamedWeights(TinyConfig(), same.weights);
  ASSERT_EQ(names.size(), 2u + 2 * 12 + 2);
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_TRUE(at::equal(*names[i].tensor, *same_names[i].tensor)) << names[i].name;
    EXPECT_EQ(names[i].tensor->sizes(), at::IntArrayRef(names[i].shape)) << names[i].name;
    EXPECT_FALSE(names[i].tensor->requires_grad()) << names[i].name;
  }
  EXPECT_TRUE(one.weights.unembed.is_same(one.weights.embed));
}

TEST(TrainerTest, RaisesAndLowersTheLearningRateOnce) {
  std::vector<double> rates;
  for (int step = 0; step < 100; ++step) rates.push_back(OneCycleLearningRate(step, 100, 1e-3));
  EXPECT_DOUBLE_EQ(rates[0], 1e-3 / 25);
  EXPECT_DOUBLE_EQ(rates[30], 1e-3);
  EXPECT_LT(rates[99], 1e-5);
  EXPECT_GT(rates[99], 0);
  EXPECT_TRUE(std::is_sorted(rates.begin(), rates.begin() + 31));
  EXPECT_TRUE(std::is_sorted(rates.rbegin(), rates.rend() - 30));
}

TEST(TrainerTest, PassesTheTextsErrorOn) {
  TrainingOptions options;
  options.steps = 1;
  const auto result = TrainGpt2(
      TinyConfig(), options, []() -> absl::StatusOr<std::vector<int>> { return absl::NotFoundError("no text left"); });
  EXPECT_EQ(result.status(), absl::NotFoundError("no text left"));
}

TEST(TrainerTest, TurnsTorchsExceptionsIntoAStatus) {
  TrainingOptions options;
  options.steps = 1;
  const auto outside = []() -> absl::StatusOr<std::vector<int>> { return std::vector<int>{1, 2, 1000}; };
  EXPECT_EQ(TrainGpt2(TinyConfig(), options, outside).status().code(), absl::StatusCode::kInternal);
}

TEST(TrainerTest, StopsAtALossThatIsNotFinite) {
  TrainingOptions options;
  options.steps = 50;
  options.batch = 4;
  options.peak_learning_rate = 1e30;
  const auto result = TrainGpt2(TinyConfig(), options, Counting(1));
  EXPECT_EQ(result.status().code(), absl::StatusCode::kInternal);
  EXPECT_THAT(std::string(result.status().message()), testing::HasSubstr("the loss is"));
}

}  // namespace
}  // namespace circuitd
