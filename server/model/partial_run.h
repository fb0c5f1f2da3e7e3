// A forward pass only as high as some hook points need.
#pragma once

#include <ATen/ATen.h>

#include "absl/types/span.h"
#include "server/model/gpt2.h"

namespace circuitd {

// Runs tokens [batch, pos] until `hooks` has seen the highest of `points`, all of them at all positions; it may see
// others above. Throws torch's exceptions.
void RunUpTo(const Gpt2& network, const at::Tensor& tokens, absl::Span<const HookPoint> points, Hooks* hooks);

}  // namespace circuitd
