// Attention of some heads over the rows of prompts.
#pragma once

#include <ATen/ATen.h>

#include "server/circuit/engine/prompt_rows.h"
#include "server/model/config.h"

namespace circuitd {

// Queries of all rows, q [rows, heads * d_head], or of the final ones only, q [final rows, heads * d_head]; keys and
// values of all, kv [rows, 2 * heads * d_head]. Returns z with the shape of q. Any number of heads.
at::Tensor AttendRows(const ModelConfig& config, int layer, const PromptRows& rows, bool final_only,
                      const at::Tensor& q, const at::Tensor& kv);

}  // namespace circuitd
