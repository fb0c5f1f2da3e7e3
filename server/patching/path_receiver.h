// What a changed input of a receiver does: path patching's second half.
#pragma once

#include <ATen/ATen.h>

#include "server/model/layer_products.h"
#include "server/patching/base_run.h"
#include "server/patching/path_patching.h"
#include "server/patching/sender_changes.h"

namespace circuitd {

// Whether only each prompt's last position of the receiver's input matters.
bool ReadsLastOnly(const ModelConfig& config, const Node& receiver);

// The clean run goes on with the receiver's input, the residual stream before its LayerNorm, changed by `changes`
// [patches, batch, rows, d_model]; `rows` are the last ones only where ReadsLastOnly. Returns the residual stream after
// the last layer at each prompt's last position, [patches, batch, d_model]. `clean` has to have kept kResidPre,
// kResidMid, kQ, kK, kV and kZ. Throws torch's exceptions.
at::Tensor RunReceiver(const LayerProducts& products, const BaseRun& clean, const Node& receiver, const PathRows& rows,
                       const at::Tensor& changes);

}  // namespace circuitd
