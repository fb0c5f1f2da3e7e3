// Messages of circuitd.v1 to and from the server's plain structs.
#pragma once

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "circuitd/v1/circuit.pb.h"
#include "circuitd/v1/dataset.pb.h"
#include "circuitd/v1/inference.pb.h"
#include "circuitd/v1/job.pb.h"
#include "circuitd/v1/model.pb.h"
#include "circuitd/v1/tensor.pb.h"
#include "server/circuit/node_pruning.h"
#include "server/circuit/patched_run.h"
#include "server/jobs/job_manager.h"
#include "server/model/host_tensor.h"
#include "server/model/registry.h"
#include "server/service/dataset_store.h"
#include "server/tasks/prompt_source.h"

namespace circuitd {

v1::DataType ToProto(DType dtype);
v1::Model ToProto(const ModelListing& listing);
v1::Dataset ToProto(const StoredDataset& dataset);
v1::Node ToProto(const Node& node);
v1::PruningDecision ToProto(const PruningDecision& decision);
v1::NodePruningResult ToProto(const NodePruningResult& result);
v1::JobState ToProto(JobState state);
v1::Artifact ToProto(const ArtifactInfo& artifact);
// The records' opaque bytes are those of JobSpec, JobProgress, NodePruningResult and DecisionEvent.
v1::Job ToProto(const JobView& job);
v1::JobEvent ToProto(const JobEvent& event);

google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);

// The other way round: INVALID_ARGUMENT, naming `field`, for values that are none and, where nothing may be left unset,
// for UNSPECIFIED.
absl::StatusOr<std::optional<DType>> FromProto(v1::DataType type, absl::string_view field);
absl::StatusOr<DatasetFormat> FromProto(v1::DatasetFormat format, absl::string_view field);
absl::StatusOr<LogitsPositions> FromProto(v1::LogitsPositions positions, absl::string_view field);
absl::StatusOr<Ablation> FromProto(v1::Ablation ablation, absl::string_view field);
absl::StatusOr<std::optional<Metric>> FromProto(v1::Metric metric, absl::string_view field);
absl::StatusOr<MultiTokenAnswers> FromProto(v1::MultiTokenAnswers answers, absl::string_view field);
absl::StatusOr<MlpMeans> FromProto(v1::MlpMeans means, absl::string_view field);
absl::StatusOr<JobState> FromProto(v1::JobState state, absl::string_view field);
absl::StatusOr<absl::Time> FromProto(const google::protobuf::Timestamp& time, absl::string_view field);

// "jobs/{id}" to its id.
absl::StatusOr<std::string> JobIdFromName(absl::string_view name);

}  // namespace circuitd
