// Metrics computed from logits.
#pragma once

#include <ATen/ATen.h>

#include <vector>

#include "absl/types/span.h"
#include "server/model/gpt2.h"
#include "server/model/metric.h"
#include "server/model/micro_batch.h"

namespace circuitd {

// The metric of each prompt: logits [batch, d_vocab] float32 on the host, and `reference` of the same shape (needed for
// kKlDiv only). `answers` has one entry a prompt (none needed for kKlDiv).
std::vector<double> MetricPerPrompt(Metric metric, const at::Tensor& logits, const at::Tensor& reference,
                                    absl::Span<const Answer> answers);

// The limits of micro-batches whose metrics are computed: as LimitsFor, with room for MetricPerPrompt.
MicroBatchLimits MetricLimits(const Gpt2& network, int64_t budget_bytes);

}  // namespace circuitd
