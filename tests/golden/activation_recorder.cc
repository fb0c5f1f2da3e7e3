#include "tests/golden/activation_recorder.h"

#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>

namespace circuitd {
namespace {

class Recorder : public Hooks {
 public:
  explicit Recorder(Activations& activations) : activations_(activations) {}
  bool Wants(HookPoint) const override { return true; }
  void Visit(HookPoint point, at::Tensor& value) override {
    EXPECT_TRUE(activations_.emplace(HookPointName(point), value.clone()).second)
        << HookPointName(point) << " is visited twice";
  }

 private:
  Activations& activations_;
};

}  // namespace

Activations RecordActivations(const Model& model, const at::Tensor& tokens) {
  const c10::InferenceMode guard;
  Activations activations;
  Recorder recorder(activations);
  const Gpt2& network = model.network();
  const at::Tensor residual =
      network.RunLayers(network.Embed(tokens, &recorder), 0, model.config().n_layers, &recorder);
  activations["logits"] = network.Unembed(residual, &recorder);
  return activations;
}

at::Tensor FromHost(const HostTensor& tensor) {
  return at::from_blob(const_cast<char*>(tensor.data.data()), tensor.shape,
                       tensor.dtype == DType::kInt64 ? at::kLong : at::kFloat)
      .clone();
}

void ExpectNear(const std::string& name, const at::Tensor& actual, const at::Tensor& expected, double tolerance) {
  ASSERT_EQ(actual.sizes(), expected.sizes()) << name;
  const at::Tensor a = actual.flatten().to(at::kDouble), b = expected.flatten().to(at::kDouble);
  // An infinity minus itself is NaN, and so is a NaN; only the first is as expected.
  const at::Tensor same_infinity = a.eq(b).logical_and(b.isinf());
  const at::Tensor good = (a - b).abs().le(tolerance).logical_or(same_infinity);
  if (good.all().item<bool>()) return;
  const int64_t place = good.logical_not().nonzero()[0][0].item<int64_t>();
  ADD_FAILURE() << name << ": " << good.logical_not().sum().item<int64_t>() << " of " << good.numel()
                << " elements differ; element " << place << " is " << a[place].item<double>() << ", expected "
                << b[place].item<double>() << ", tolerance " << tolerance;
}

}  // namespace circuitd
