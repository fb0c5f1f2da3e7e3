// A logit lens's reply for people.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "circuitd/v1/reading.pb.h"
#include "client/cli/report.h"
#include "client/tensor_set.h"

namespace circuitd::client {

struct LensView {
  std::vector<uint32_t> prompts;  // whose layers are shown; none: the first three
  bool chosen_positions = false;  // positions other than the last were asked for
};

// For each of the prompts a table of layers with their most likely tokens, the handover marked; over all prompts, where
// they have answers, the mean logit difference and how many hand over at each layer. The picture shows the first tokens
// and the logit differences. DATA_LOSS for a reply that does not fit together; INVALID_ARGUMENT for a prompt that it
// does not have.
absl::StatusOr<Report> LensReport(const v1::RunLogitLensSummary& summary, const TensorSet& tensors,
                                  const LensView& view);

}  // namespace circuitd::client
