// Messages of circuitd.v1 about jobs to and from the server's plain structs.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "circuitd/v1/circuit.pb.h"
#include "circuitd/v1/job.pb.h"
#include "server/circuit/node_pruning.h"
#include "server/jobs/job_manager.h"

namespace circuitd {

v1::PruningDecision ToProto(const PruningDecision& decision);
v1::NodePruningResult ToProto(const NodePruningResult& result);
v1::JobState ToProto(JobState state);
v1::Artifact ToProto(const ArtifactInfo& artifact);
// The records' opaque bytes are those of JobSpec, JobProgress, and of the result and the events of the spec's kind.
v1::Job ToProto(const JobView& job);
// An event of a job of that kind. `progress` goes with a decision or step; empty: none does.
v1::JobEvent ToProto(const JobEvent& event, const std::string& progress, v1::JobSpec::KindCase kind);

google::protobuf::Timestamp ToProto(absl::Time time);
google::protobuf::Duration ToProto(absl::Duration duration);
absl::Duration FromProto(const google::protobuf::Duration& duration);

// The other way round: INVALID_ARGUMENT, naming `field`, for values that are none and, where nothing may be left unset,
// for UNSPECIFIED.
absl::StatusOr<MlpMeans> FromProto(v1::MlpMeans means, absl::string_view field);
absl::StatusOr<PruningDecision> FromProto(const v1::PruningDecision& decision, absl::string_view field);
absl::StatusOr<JobState> FromProto(v1::JobState state, absl::string_view field);
absl::StatusOr<absl::Time> FromProto(const google::protobuf::Timestamp& time, absl::string_view field);

// "jobs/{id}" to its id.
absl::StatusOr<std::string> JobIdFromName(absl::string_view name);

}  // namespace circuitd
