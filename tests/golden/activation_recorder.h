// Runs a model and keeps every hook point's activation.
#pragma once

#include <ATen/ATen.h>

#include <map>
#include <string>

#include "server/model/gpt2.h"
#include "server/model/host_tensor.h"
#include "server/model/model.h"

namespace circuitd {

// Activations by hook point's name, and "logits" [batch, pos, d_vocab], of a run on tokens [batch, pos].
using Activations = std::map<std::string, at::Tensor>;
Activations RecordActivations(const Model& model, const at::Tensor& tokens);

at::Tensor FromHost(const HostTensor& tensor);

// Fails the current test, naming `name`, the place and both values, unless the tensors have the same shape, the same
// infinities, and otherwise elements that differ by at most `tolerance`.
void ExpectNear(const std::string& name, const at::Tensor& actual, const at::Tensor& expected, double tolerance);

}  // namespace circuitd
