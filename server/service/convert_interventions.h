// Interventions of a request as plain values.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/intervention.pb.h"
#include "server/model/host_tensor.h"
#include "server/patching/intervention.h"
#include "server/service/prompts.h"

namespace circuitd {

// INVALID_ARGUMENT, naming the field from `field` on ("interventions[0].set.shape[1]"), for a data type that has no
// fractions, a negative extent, more axes than any slice has, and bytes that are not as many as the shape says.
absl::StatusOr<HostTensor> ConvertTensor(const v1::Tensor& proto, absl::string_view field);

// What each one says by itself; how they fit the prompts and each other is for ValidatePatchedRun.
absl::StatusOr<std::vector<Intervention>> ConvertInterventions(
    const google::protobuf::RepeatedPtrField<v1::Intervention>& protos, const Model& model, const PromptLimits& limits);

}  // namespace circuitd
