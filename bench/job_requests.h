// Requests that the measurements of a server have in common.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "circuitd/v1/inference.pb.h"
#include "circuitd/v1/job.pb.h"

namespace circuitd {

// The ten likeliest next tokens after each prompt.
v1::ForwardRequest ForwardOf(const std::string& model, const std::vector<absl::string_view>& prompts);

// A pruning job on generated numerals, of the first variant alone or, with `every_variant`, of all.
v1::SubmitJobRequest PruningOf(const std::string& model, uint64_t seed, uint32_t num_samples, bool every_variant);

}  // namespace circuitd
