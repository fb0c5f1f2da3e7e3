// Sweeps and path patching: their requests as plain values, their results as messages and tensors.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/patching.pb.h"
#include "server/model/config.h"
#include "server/patching/patching_sweep.h"
#include "server/patching/path_patching.h"

namespace circuitd {

// Everything but the prompts, and what ValidateSweep and ValidatePathPatching check. INVALID_ARGUMENT names the field.
absl::StatusOr<SweepRequest> ConvertSweep(const v1::RunSweepRequest& proto, const ModelConfig& config);
absl::StatusOr<PathPatchingRequest> ConvertPathPatching(const v1::RunPathPatchingRequest& proto,
                                                        const ModelConfig& config);

// INVALID_ARGUMENT names `field`. Unset: kAll.
absl::StatusOr<PathFreeze> FromProto(v1::PathFreeze freeze, absl::string_view field);

v1::SweepGrid ToProto(const SweepGrid& grid);
v1::Path ToProto(const PathEffect& path);

}  // namespace circuitd
