// The same answers on a CUDA device as on the CPU.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "server/circuit/node_pruning.h"
#include "server/model/forward.h"
#include "server/model/registry.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {
namespace {

constexpr char kModel[] = "seqcont-demo";

std::shared_ptr<const Model> Load(const std::string& device) {
  ModelRegistry::Options options;
  options.locations.folders[kModel] = std::string(CIRCUITD_SOURCE_DIR) + "/models/" + kModel;
  ModelRegistry registry(options);
  const auto model = registry.Load(kModel, {device, DType::kFloat32});
  EXPECT_TRUE(model.ok()) << model.status();
  return model.value_or(nullptr);
}

class GpuTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_NE(cpu_, nullptr);
    ASSERT_NE(gpu_, nullptr);
    PromptSetOptions options;
    options.num_samples = 8;
    const auto pairs = GeneratePrompts({cpu_->tokenizer(), &cpu_->config()}, "numerals", {}, 1, options);
    ASSERT_TRUE(pairs.ok()) << pairs.status();
    pairs_ = *pairs;
  }

  const std::shared_ptr<const Model> cpu_ = Load("cpu");
  const std::shared_ptr<const Model> gpu_ = Load("cuda");
  PromptPairs pairs_;
};

TEST_F(GpuTest, AnswersForwardPassesAsTheCpuDoes) {
  ForwardRequest request;
  for (const PromptPair& pair : pairs_) request.prompts.push_back(pair.clean);
  request.logits.chosen_tokens = {0, 100, 200};
  const auto cpu = RunForward(*cpu_, request, {}, nullptr);
  const auto gpu = RunForward(*gpu_, request, {}, nullptr);
  ASSERT_TRUE(gpu.ok()) << gpu.status();
  for (size_t i = 0; i < request.prompts.size(); ++i) {
    for (size_t k = 0; k < request.logits.chosen_tokens.size(); ++k) {
      EXPECT_NEAR(gpu->prompts[i].chosen[k].logit, cpu->prompts[i].chosen[k].logit, 1e-3);
    }
  }
}

TEST_F(GpuTest, MakesTheSamePruningDecisions) {
  const auto decisions = [&](const Model& model) {
    std::vector<PruningDecision> all;
    NodePruningCallbacks callbacks;
    callbacks.on_decision = [&](const PruningDecision& decision) { all.push_back(decision); };
    EXPECT_TRUE(PruneNodes(model, pairs_, {}, callbacks).ok());
    return all;
  };
  const auto cpu = decisions(*cpu_), gpu = decisions(*gpu_);
  ASSERT_EQ(gpu.size(), cpu.size());
  for (size_t i = 0; i < cpu.size(); ++i) {
    EXPECT_EQ(NodeName(gpu[i].node), NodeName(cpu[i].node));
    EXPECT_EQ(gpu[i].removed, cpu[i].removed) << NodeName(cpu[i].node);
    EXPECT_NEAR(gpu[i].score, cpu[i].score, 1e-2);
  }
}

}  // namespace
}  // namespace circuitd
