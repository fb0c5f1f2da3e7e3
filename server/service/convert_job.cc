#include "server/service/convert_job.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "server/jobs/job_id.h"
#include "server/service/convert_graph.h"
#include "server/service/enum_value.h"
#include "server/service/status_conversion.h"

namespace circuitd {
namespace {

void SetResult(const std::string& result, v1::Job& job) {
  switch (job.spec().kind_case()) {
    case v1::JobSpec::kNodePruning:
      job.mutable_node_pruning()->ParseFromString(result);
      break;
    case v1::JobSpec::kEdgePruning:
    case v1::JobSpec::kAcdc:
    case v1::JobSpec::kEdgeAttribution:
      job.mutable_edge_circuit()->ParseFromString(result);
      break;
    case v1::JobSpec::kEvaluation:
      job.mutable_evaluation()->ParseFromString(result);
      break;
    case v1::JobSpec::KIND_NOT_SET:
      break;
  }
}

void SetPayload(const std::string& payload, v1::JobSpec::KindCase kind, v1::JobEvent& event) {
  switch (kind) {
    case v1::JobSpec::kNodePruning:
      event.mutable_decision()->mutable_decision()->ParseFromString(payload);
      break;
    case v1::JobSpec::kEdgePruning:
    case v1::JobSpec::kAcdc:
      event.mutable_decision()->mutable_edge_decision()->ParseFromString(payload);
      break;
    case v1::JobSpec::kEdgeAttribution:
      event.mutable_step()->mutable_attribution()->ParseFromString(payload);
      // What the server goes on from, and nobody else's.
      event.mutable_step()->mutable_attribution()->clear_sums();
      break;
    case v1::JobSpec::kEvaluation:
      event.mutable_step()->mutable_evaluation()->ParseFromString(payload);
      break;
    case v1::JobSpec::KIND_NOT_SET:
      break;
  }
}

}  // namespace

v1::PruningDecision ToProto(const PruningDecision& decision) {
  v1::PruningDecision proto;
  proto.set_index(decision.index);
  *proto.mutable_node() = ToProto(decision.node);
  proto.set_score(decision.score);
  proto.set_removed(decision.removed);
  proto.set_iteration(decision.iteration);
  proto.set_direction(decision.direction == SweepDirection::kBackward ? v1::SWEEP_DIRECTION_BACKWARD
                                                                      : v1::SWEEP_DIRECTION_FORWARD);
  proto.set_heads_kept(decision.heads_kept);
  proto.set_mlps_kept(decision.mlps_kept);
  return proto;
}

v1::NodePruningResult ToProto(const NodePruningResult& result) {
  v1::NodePruningResult proto;
  for (const Node& node : result.circuit) *proto.mutable_circuit()->add_nodes() = ToProto(node);
  proto.set_score(result.score);
  proto.set_full_logit_diff(result.full_logit_diff);
  proto.set_decision_count(result.decision_count);
  proto.set_converged(result.converged);
  return proto;
}

v1::JobState ToProto(JobState state) {
  switch (state) {
    case JobState::kQueued:
      return v1::JOB_STATE_QUEUED;
    case JobState::kRunning:
      return v1::JOB_STATE_RUNNING;
    case JobState::kSucceeded:
      return v1::JOB_STATE_SUCCEEDED;
    case JobState::kFailed:
      return v1::JOB_STATE_FAILED;
    case JobState::kCancelled:
      return v1::JOB_STATE_CANCELLED;
  }
  return v1::JOB_STATE_UNSPECIFIED;
}

v1::Artifact ToProto(const ArtifactInfo& artifact) {
  v1::Artifact proto;
  proto.set_name(artifact.name);
  proto.set_size_bytes(artifact.size_bytes);
  proto.set_sha256(artifact.sha256);
  proto.set_media_type(artifact.media_type);
  return proto;
}

v1::Job ToProto(const JobView& job) {
  const JobRecord& record = job.record;
  v1::Job proto;
  proto.set_name(absl::StrCat("jobs/", record.id));
  proto.mutable_spec()->ParseFromString(record.spec);
  proto.set_state(ToProto(record.state));
  proto.set_owner(record.owner);
  proto.set_request_id(record.request_id);
  *proto.mutable_create_time() = ToProto(record.created);
  if (record.started != absl::InfinitePast()) *proto.mutable_start_time() = ToProto(record.started);
  if (record.ended != absl::InfinitePast()) *proto.mutable_end_time() = ToProto(record.ended);
  if (!record.progress.empty()) proto.mutable_progress()->ParseFromString(record.progress);
  proto.set_last_sequence(record.last_sequence);
  if (record.state == JobState::kQueued) {
    proto.set_queue_position(job.queue_position);
    if (job.estimated_start) *proto.mutable_estimated_start_time() = ToProto(*job.estimated_start);
  }
  proto.set_held_back_by(WireMessage(job.held_back_by));
  proto.set_micro_batch_prompts(record.micro_batch_prompts);
  if (!record.same_as.empty()) proto.set_cached_from(absl::StrCat("jobs/", record.same_as));
  if (!record.error.ok()) {
    proto.mutable_error()->set_code(static_cast<int>(record.error.code()));
    proto.mutable_error()->set_message(WireMessage(record.error.message()));
  }
  if (record.state == JobState::kSucceeded) SetResult(record.result, proto);
  for (const ArtifactInfo& artifact : record.artifacts) *proto.add_artifacts() = ToProto(artifact);
  return proto;
}

v1::JobEvent ToProto(const JobEvent& event, const std::string& progress, v1::JobSpec::KindCase kind) {
  v1::JobEvent proto;
  proto.set_sequence(event.sequence);
  *proto.mutable_time() = ToProto(event.time);
  if (event.state) {
    proto.set_state(ToProto(*event.state));
    return proto;
  }
  SetPayload(event.payload, kind, proto);
  if (progress.empty()) return proto;
  v1::JobProgress& shown =
      proto.has_step() ? *proto.mutable_step()->mutable_progress() : *proto.mutable_decision()->mutable_progress();
  shown.ParseFromString(progress);
  return proto;
}

google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp proto;
  proto.set_seconds(absl::ToUnixSeconds(time));
  proto.set_nanos(static_cast<int>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(proto.seconds()))));
  return proto;
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  absl::Duration rest;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  proto.set_nanos(static_cast<int>(absl::ToInt64Nanoseconds(rest)));
  return proto;
}

absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

absl::StatusOr<MlpMeans> FromProto(v1::MlpMeans means, absl::string_view field) {
  switch (means) {
    case v1::MLP_MEANS_UNSPECIFIED:
    case v1::MLP_MEANS_SEQCONT:
      return MlpMeans::kSeqcont;
    case v1::MLP_MEANS_CLEAN:
      return MlpMeans::kClean;
    default:
      return NotAValue(means, field);
  }
}

absl::StatusOr<PruningDecision> FromProto(const v1::PruningDecision& decision, absl::string_view field) {
  PruningDecision plain;
  plain.index = static_cast<int64_t>(decision.index());
  absl::StatusOr<Node> node = FromProto(decision.node());
  if (!node.ok()) return WithFieldPrefix(absl::StrCat(field, ".node"), node.status());
  plain.node = *std::move(node);
  plain.score = decision.score();
  plain.removed = decision.removed();
  plain.iteration = static_cast<int>(decision.iteration());
  switch (decision.direction()) {
    case v1::SWEEP_DIRECTION_BACKWARD:
      plain.direction = SweepDirection::kBackward;
      break;
    case v1::SWEEP_DIRECTION_FORWARD:
      plain.direction = SweepDirection::kForward;
      break;
    default:
      return NotAValue(decision.direction(), absl::StrCat(field, ".direction"));
  }
  plain.heads_kept = static_cast<int>(decision.heads_kept());
  plain.mlps_kept = static_cast<int>(decision.mlps_kept());
  return plain;
}

absl::StatusOr<JobState> FromProto(v1::JobState state, absl::string_view field) {
  switch (state) {
    case v1::JOB_STATE_QUEUED:
      return JobState::kQueued;
    case v1::JOB_STATE_RUNNING:
      return JobState::kRunning;
    case v1::JOB_STATE_SUCCEEDED:
      return JobState::kSucceeded;
    case v1::JOB_STATE_FAILED:
      return JobState::kFailed;
    case v1::JOB_STATE_CANCELLED:
      return JobState::kCancelled;
    default:
      return NotAValue(state, field);
  }
}

absl::StatusOr<absl::Time> FromProto(const google::protobuf::Timestamp& time, absl::string_view field) {
  constexpr int64_t kMinSeconds = -62135596800;  // the years 1 to 9999, as timestamp.proto has it
  constexpr int64_t kMaxSeconds = 253402300799;
  if (time.seconds() < kMinSeconds || time.seconds() > kMaxSeconds || time.nanos() < 0 || time.nanos() > 999'999'999) {
    return InvalidField(field, absl::StrCat(time.seconds(), " s ", time.nanos(), " ns, is no valid timestamp"));
  }
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

absl::StatusOr<std::string> JobIdFromName(absl::string_view name) {
  absl::string_view id = name;
  if (!absl::ConsumePrefix(&id, "jobs/") || !IsJobId(id)) {
    return InvalidField("name", absl::StrCat("\"", name, "\", must be jobs/ and 12 of a-z and 2-7"));
  }
  return std::string(id);
}

}  // namespace circuitd
