// Weights of a Hugging Face folder as torch tensors.
#pragma once

#include <ATen/ATen.h>

#include "absl/status/statusor.h"
#include "server/model/config.h"
#include "server/model/gpt2.h"
#include "server/model/weight_files.h"

namespace circuitd {

// Reads GPT-2's weights on two threads or more, as `dtype` (float32, float16 or bfloat16) on `device`, which is ready
// for use. On the CPU, what the files hold in `dtype` is read straight into the tensors. They are no inference tensors,
// whatever mode the caller is in, so that runs can be differentiated. FAILED_PRECONDITION, naming file and tensor, as
// FindWeights, and for a weight that is NaN or infinite (in the file or as `dtype`), or a lm_head.weight that is not the
// tied wte.weight; RESOURCE_EXHAUSTED if the weights don't fit in memory.
absl::StatusOr<Gpt2Weights> LoadGpt2Weights(const WeightFiles& files, const ModelConfig& config, at::Device device,
                                            at::ScalarType dtype);

}  // namespace circuitd
