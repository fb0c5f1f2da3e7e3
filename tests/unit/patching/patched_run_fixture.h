// A tiny model, a request of two prompts, and short ways to write interventions and to look at what runs answer.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "server/model/batch_run.h"
#include "server/model/gpt2.h"
#include "server/model/torch_border.h"
#include "server/patching/patched_run.h"
#include "tests/unit/testing/tiny_model.h"

namespace circuitd::testing {

using Action = decltype(Intervention::action);

inline PositionSelector Indices(std::vector<int> indices) { return {std::move(indices), {}, {}}; }
inline PositionSelector Tokens(std::vector<int> tokens) { return {{}, std::move(tokens), {}}; }
inline PositionSelector Roles(std::vector<std::string> roles) { return {{}, {}, std::move(roles)}; }

inline Intervention On(HookPoint hook, Action action, std::vector<int> heads = {}, PositionSelector positions = {},
                       PositionSelector keys = {}) {
  return {hook, std::move(heads), std::move(positions), std::move(keys), std::move(action)};
}

inline HostTensor Floats(std::vector<int64_t> shape, const std::vector<float>& values) {
  HostTensor tensor{DType::kFloat32, std::move(shape), std::string(values.size() * sizeof(float), '\0')};
  std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

// 0.5, 0.75, 1, …: of any shape, no two the same.
inline HostTensor Ramp(std::vector<int64_t> shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i) values[i] = 0.5F + 0.25F * static_cast<float>(i);
  return Floats(std::move(shape), values);
}

inline at::Tensor ToTorch(const HostTensor& tensor) {
  return at::from_blob(const_cast<char*>(tensor.data.data()), tensor.shape, at::kFloat).clone();
}

using Tensors = std::map<std::string, HostTensor>;

inline TensorSink Into(Tensors& tensors) {
  return [&tensors](std::string name, HostTensor tensor) {
    tensors[std::move(name)] = std::move(tensor);
    return absl::OkStatus();
  };
}

// Hooks by hand: calls `edit` at one hook point.
class EditHook : public Hooks {
 public:
  EditHook(HookPoint point, std::function<void(at::Tensor&)> edit) : point_(point), edit_(std::move(edit)) {}
  bool Wants(HookPoint point) const override { return point == point_; }
  void Visit(HookPoint, at::Tensor& value) override { edit_(value); }

 private:
  const HookPoint point_;
  const std::function<void(at::Tensor&)> edit_;
};

class PatchedRunFixture : public ::testing::Test {
 protected:
  PatchedRunFixture() {
    request_.prompts = {{1, 2, 3, 4}, {5, 6}};
    request_.source_prompts = {{7, 8, 9, 10}, {11, 12}};
    request_.logits.full_logits = LogitsPositions::kAll;
    request_.logits.top_k = 23;  // all
  }

  const Gpt2& network() const { return model_->network(); }

  // The run's tensors; its result is left in result_.
  Tensors Run(int64_t budget = 1 << 30) {
    const absl::Status valid = ValidatePatchedRun(model_->config(), request_);
    EXPECT_TRUE(valid.ok()) << valid;
    Tensors tensors;
    if (!valid.ok()) return tensors;
    ForwardOptions options;
    options.memory_budget_bytes = budget;
    auto result = RunPatched(*model_, request_, options, Into(tensors));
    EXPECT_TRUE(result.ok()) << result.status();
    if (result.ok()) result_ = *std::move(result);
    return tensors;
  }

  Tensors RunWith(std::vector<Intervention> interventions, int64_t budget = 1 << 30) {
    request_.interventions = std::move(interventions);
    return Run(budget);
  }

  // The logits of an unpatched run, and what `capture` selects.
  Tensors Clean(const std::vector<std::vector<int>>& prompts, CaptureSelection capture = {}) {
    ForwardRequest request;
    request.prompts = prompts;
    request.logits.full_logits = LogitsPositions::kAll;
    request.capture = std::move(capture);
    Tensors tensors;
    EXPECT_TRUE(RunForward(*model_, request, {}, Into(tensors)).ok());
    return tensors;
  }

  // The value of a hook point in an unpatched run.
  at::Tensor ValueAt(HookPoint point, const std::vector<std::vector<int>>& prompts) {
    at::Tensor seen;
    EditHook hook(point, [&](at::Tensor& value) { seen = value.clone(); });
    RunBatch(network(), Pad(prompts, at::kCPU), &hook);
    return seen;
  }

  // The last logits of a run on the request's prompts that hooks change by hand. [batch, d_vocab]
  at::Tensor ByHand(HookPoint point, const std::function<void(at::Tensor&)>& edit) {
    EditHook hook(point, [&](at::Tensor& value) {
      value = value.clone();
      edit(value);
    });
    return RunBatch(network(), Pad(request_.prompts, at::kCPU), &hook).last_logits;
  }

  // Whether the run's last logits are these, bit for bit.
  void ExpectLastLogits(const at::Tensor& expected) {
    ASSERT_EQ(result_.prompts.size(), static_cast<size_t>(expected.size(0)));
    for (int64_t i = 0; i < expected.size(0); ++i) {
      at::Tensor logits = at::zeros({expected.size(1)});
      for (const TokenLogit& token : result_.prompts[i].top) logits[token.token] = token.logit;
      EXPECT_TRUE(at::equal(logits, expected[i]))
          << "prompt " << i << ", off by at most " << (logits - expected[i]).abs().max().item<float>();
    }
  }

  // Whether both runs' logits are the same, bit for bit, or within `tolerance`.
  void ExpectSameLogits(const Tensors& a, const Tensors& b, double tolerance = 0) {
    for (size_t i = 0; i < request_.prompts.size(); ++i) {
      const std::string name = "logits/" + std::to_string(i);
      ASSERT_TRUE(a.contains(name) && b.contains(name));
      const double off = (ToTorch(a.at(name)) - ToTorch(b.at(name))).abs().max().item<double>();
      EXPECT_LE(off, tolerance) << name;
    }
  }

  std::string Refusal() { return std::string(ValidatePatchedRun(model_->config(), request_).message()); }

  std::unique_ptr<Model> model_ = TinyModel(5);
  PatchedRunRequest request_;
  PatchedRunResult result_;
};

}  // namespace circuitd::testing
