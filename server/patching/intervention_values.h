// The values that interventions bring along: tensors of a request, and noise.
#pragma once

#include <ATen/ATen.h>

#include "server/model/host_tensor.h"
#include "server/patching/intervention.h"
#include "server/patching/intervention_slices.h"

namespace circuitd {

// coefficient * tensor as it broadcasts to the slices of a micro-batch's prompts: slices (SliceIndex) in which axes
// that are broadcast have size 1, on the device and in the dtype of `like`.
at::Tensor TensorSlices(const HostTensor& tensor, double coefficient, const SliceIndex& index, MicroBatch batch,
                        const at::Tensor& like);

// Noise of the shape, device and dtype of the slices `like`. `intervention` is its number in the request.
at::Tensor NoiseSlices(const AddNoise& noise, size_t intervention, const SliceIndex& index, MicroBatch batch,
                       const at::Tensor& like);

}  // namespace circuitd
