// What a receiver reads more where single senders carry their outside values.
#pragma once

#include <ATen/ATen.h>

#include "absl/types/span.h"
#include "server/circuit/edges/kept_run.h"
#include "server/patching/path_patching.h"

namespace circuitd {

// Of each of `senders` apart, edges of `run` into `receiver`, all by rank: [senders, batch, rows, d_model], rows as
// EdgeSuffix::InputRows. With kHeads it comes through MLPs between the two as well, where the run's edges lead. Throws
// torch's exceptions.
at::Tensor PathChanges(const KeptRun& run, int receiver, absl::Span<const int> senders, PathFreeze freeze);

}  // namespace circuitd
