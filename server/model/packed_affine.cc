#include "server/model/packed_affine.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include <optional>
#include <string>
#include <utility>

#include "server/model/layer_parts.h"
#include "server/model/torch_border.h"

namespace circuitd {
namespace {

using Operator = std::optional<c10::OperatorHandle>;

// LibTorch's oneDNN products have no functions of their own in C++: they are reached by name.
struct Kernels {
  Operator reorder, linear, linear_plus;
};

const Kernels& FindKernels() {
  static const Kernels kernels = [] {
    auto& dispatcher = c10::Dispatcher::singleton();
    return Kernels{dispatcher.findSchema({"mkldnn::_reorder_linear_weight", ""}),
                   dispatcher.findSchema({"mkldnn::_linear_pointwise", ""}),
                   dispatcher.findSchema({"mkldnn::_linear_pointwise", "binary"})};
  }();
  return kernels;
}

at::Tensor Call(const Operator& op, torch::jit::Stack arguments) {
  op->callBoxed(arguments);
  return std::move(arguments.back()).toTensor();
}

// Undefined where it can't be had.
at::Tensor Pack(const at::Tensor& weight) {
  const Kernels& kernels = FindKernels();
  if (!weight.device().is_cpu() || weight.scalar_type() != at::kFloat) return {};
  if (!at::globalContext().userEnabledMkldnn() || !kernels.reorder || !kernels.linear || !kernels.linear_plus)
    return {};
  try {
    // It blocks [out, in], as torch's linear layers have it. How many rows it will be multiplied with is a hint.
    constexpr int64_t kRows = 256;
    return Call(kernels.reorder, {weight.t().contiguous(), kRows});
  } catch (const c10::Error& error) {
    if (absl::IsResourceExhausted(StatusFromTorchError(error))) throw;
    return {};  // this build or processor has no such kernel; the plain product serves
  }
}

at::Tensor Linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, const char* attribute,
                  const char* algorithm) {
  return Call(FindKernels().linear,
              {x, weight, bias.defined() ? c10::IValue(bias) : c10::IValue(), std::string(attribute),
               c10::List<std::optional<at::Scalar>>(), std::string(algorithm)});
}

}  // namespace

PackedAffine::PackedAffine(const at::Tensor& weight, const at::Tensor& bias, bool pack) : bias_(bias) {
  if (pack) weight_ = Pack(weight);
  packed_ = weight_.defined();
  if (!packed_) weight_ = weight;
}

at::Tensor PackedAffine::operator()(const at::Tensor& x) const {
  if (packed_) return Linear(x, weight_, bias_, "none", "");
  return bias_.defined() ? Affine(x, weight_, bias_) : at::mm(x, weight_);
}

at::Tensor PackedAffine::Activated(const ModelConfig& config, const at::Tensor& x) const {
  if (packed_) return Linear(x, weight_, bias_, "gelu", config.activation == Activation::kGeluNew ? "tanh" : "none");
  return Activate(config, (*this)(x));
}

at::Tensor PackedAffine::Plus(const at::Tensor& other, const at::Tensor& x) const {
  if (packed_) {
    return Call(FindKernels().linear_plus,
                {x, other, weight_, bias_.defined() ? c10::IValue(bias_) : c10::IValue(), std::string("add")});
  }
  return bias_.defined() ? at::addmm(other, x, weight_).add_(bias_) : at::addmm(other, x, weight_);
}

}  // namespace circuitd
