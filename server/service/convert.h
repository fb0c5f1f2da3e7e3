// Messages of circuitd.v1 to and from the server's plain structs: models, datasets, and the enums of runs.
#pragma once

#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "circuitd/v1/dataset.pb.h"
#include "circuitd/v1/inference.pb.h"
#include "circuitd/v1/intervention.pb.h"
#include "circuitd/v1/metric.pb.h"
#include "circuitd/v1/model.pb.h"
#include "circuitd/v1/prompt.pb.h"
#include "circuitd/v1/tensor.pb.h"
#include "server/model/forward.h"
#include "server/model/host_tensor.h"
#include "server/model/metric.h"
#include "server/model/registry.h"
#include "server/patching/intervention.h"
#include "server/service/dataset_store.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

v1::DataType ToProto(DType dtype);
v1::Model ToProto(const ModelListing& listing);
v1::Dataset ToProto(const StoredDataset& dataset);

// The other way round: INVALID_ARGUMENT, naming `field`, for values that are none and, where nothing may be left unset,
// for UNSPECIFIED.
absl::StatusOr<std::optional<DType>> FromProto(v1::DataType type, absl::string_view field);
absl::StatusOr<FileFormat> FromProto(v1::DatasetFormat format, absl::string_view field);
absl::StatusOr<LogitsPositions> FromProto(v1::LogitsPositions positions, absl::string_view field);
absl::StatusOr<Ablation> FromProto(v1::Ablation ablation, absl::string_view field);
absl::StatusOr<std::optional<Metric>> FromProto(v1::Metric metric, absl::string_view field);
absl::StatusOr<MultiTokenAnswers> FromProto(v1::MultiTokenAnswers answers, absl::string_view field);

}  // namespace circuitd
