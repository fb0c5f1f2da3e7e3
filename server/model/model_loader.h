// Makes a model of a folder: configuration, weights, tokenizer, fingerprint.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "server/model/device.h"
#include "server/model/fingerprint.h"
#include "server/model/host_tensor.h"
#include "server/model/locator.h"
#include "server/model/model.h"

namespace circuitd {

// Loads as `dtype` (not int64) on `device`. A folder without tokenizer files gives a model without tokenizer.
// FAILED_PRECONDITION about the field "model", naming file and tensor or key, if it can't be served exactly, or a file
// changed meanwhile; about "device" if there is none such; RESOURCE_EXHAUSTED out of memory. Thread-safe.
absl::StatusOr<std::shared_ptr<const Model>> LoadModel(const ModelLocator::Location& location, DeviceId device,
                                                       DType dtype, const std::shared_ptr<FileHashCache>& hashes);

}  // namespace circuitd
