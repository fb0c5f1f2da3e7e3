// An activation patching sweep's reply for people.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/patching.pb.h"
#include "client/cli/report.h"
#include "client/tensor_set.h"

namespace circuitd::client {

// Adds "{hook}/normalized", (patched - corrupted) / (clean - corrupted), for every hook: 1 is what the clean runs have,
// 0 what the corrupted ones have. FAILED_PRECONDITION if clean and corrupted runs do not differ.
absl::Status AddNormalized(const v1::RunSweepSummary& summary, TensorSet& tensors);

// A map for each hook. DATA_LOSS for a reply that does not fit together.
absl::StatusOr<Report> SweepReport(const v1::RunSweepSummary& summary, const TensorSet& tensors,
                                   const std::string& metric, bool normalized);

}  // namespace circuitd::client
