#include "server/service/convert.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "server/jobs/job_id.h"
#include "server/service/status_conversion.h"

namespace circuitd {
namespace {

// Enums of proto3 are open: a newer client's value arrives as a number.
template <typename Enum>
absl::Status NotAValue(Enum value, absl::string_view field) {
  if (value == 0) return InvalidField(field, "must be set");
  return InvalidField(field, absl::StrCat(static_cast<int>(value), ", is no value that this server knows"));
}

}  // namespace

v1::DataType ToProto(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return v1::DATA_TYPE_FLOAT32;
    case DType::kFloat16:
      return v1::DATA_TYPE_FLOAT16;
    case DType::kBFloat16:
      return v1::DATA_TYPE_BFLOAT16;
    case DType::kInt64:
      return v1::DATA_TYPE_INT64;
  }
  return v1::DATA_TYPE_UNSPECIFIED;
}

v1::Model ToProto(const ModelListing& listing) {
  v1::Model proto;
  proto.set_name(listing.name);
  for (const std::string& alias : listing.aliases) proto.add_aliases(alias);
  proto.set_state(listing.loaded ? v1::MODEL_STATE_LOADED : v1::MODEL_STATE_AVAILABLE);
  if (!listing.loaded) return proto;
  const Model& model = *listing.loaded;
  const ModelConfig& config = model.config();
  v1::ModelConfig& dims = *proto.mutable_config();
  dims.set_n_layers(config.n_layers);
  dims.set_n_heads(config.n_heads);
  dims.set_d_model(config.d_model);
  dims.set_d_head(config.d_head);
  dims.set_d_mlp(config.d_mlp);
  dims.set_n_ctx(config.n_ctx);
  dims.set_d_vocab(config.d_vocab);
  dims.set_layer_norm_epsilon(config.layer_norm_epsilon);
  dims.set_activation_function(config.activation == Activation::kGelu ? "gelu" : "gelu_new");
  dims.set_scale_attn_weights(config.scale_attn_weights);
  dims.set_scale_attn_by_inverse_layer_idx(config.scale_attn_by_inverse_layer_idx);
  dims.set_tie_word_embeddings(config.tie_word_embeddings);
  proto.set_parameter_count(model.parameter_count());
  proto.set_sha256(model.Sha256IfKnown());
  proto.set_has_tokenizer(model.tokenizer() != nullptr);
  proto.set_device(model.device());
  proto.set_data_type(ToProto(model.dtype()));
  return proto;
}

v1::Dataset ToProto(const StoredDataset& dataset) {
  v1::Dataset proto;
  proto.set_sha256(dataset.sha256);
  proto.set_format(dataset.format == DatasetFormat::kPairs ? v1::DATASET_FORMAT_PAIRS : v1::DATASET_FORMAT_PUBLISHED);
  proto.set_size_bytes(dataset.bytes.size());
  proto.set_prompt_count(dataset.prompt_count);
  return proto;
}

v1::Node ToProto(const Node& node) {
  v1::Node proto;
  proto.set_kind(node.is_head() ? v1::NODE_KIND_ATTENTION_HEAD : v1::NODE_KIND_MLP);
  proto.set_layer(node.layer);
  if (node.is_head()) proto.set_head(node.head);
  return proto;
}

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
  if (record.state == JobState::kQueued) proto.set_queue_position(job.queue_position);
  if (!record.error.ok()) {
    proto.mutable_error()->set_code(static_cast<int>(record.error.code()));
    proto.mutable_error()->set_message(WireMessage(record.error.message()));
  }
  if (record.state == JobState::kSucceeded) proto.mutable_node_pruning()->ParseFromString(record.result);
  for (const ArtifactInfo& artifact : record.artifacts) *proto.add_artifacts() = ToProto(artifact);
  return proto;
}

v1::JobEvent ToProto(const JobEvent& event) {
  v1::JobEvent proto;
  proto.set_sequence(event.sequence);
  *proto.mutable_time() = ToProto(event.time);
  if (event.state) {
    proto.set_state(ToProto(*event.state));
  } else {
    proto.mutable_decision()->ParseFromString(event.payload);
  }
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

absl::StatusOr<std::optional<DType>> FromProto(v1::DataType type, absl::string_view field) {
  switch (type) {
    case v1::DATA_TYPE_UNSPECIFIED:
      return std::nullopt;
    case v1::DATA_TYPE_FLOAT32:
      return DType::kFloat32;
    case v1::DATA_TYPE_FLOAT16:
      return DType::kFloat16;
    case v1::DATA_TYPE_BFLOAT16:
      return DType::kBFloat16;
    case v1::DATA_TYPE_INT64:
      return InvalidField(field, "INT64, must be FLOAT32, FLOAT16 or BFLOAT16");
    default:
      return NotAValue(type, field);
  }
}

absl::StatusOr<DatasetFormat> FromProto(v1::DatasetFormat format, absl::string_view field) {
  switch (format) {
    case v1::DATASET_FORMAT_PAIRS:
      return DatasetFormat::kPairs;
    case v1::DATASET_FORMAT_PUBLISHED:
      return DatasetFormat::kPublished;
    default:
      return NotAValue(format, field);
  }
}

absl::StatusOr<LogitsPositions> FromProto(v1::LogitsPositions positions, absl::string_view field) {
  switch (positions) {
    case v1::LOGITS_POSITIONS_UNSPECIFIED:
      return LogitsPositions::kNone;
    case v1::LOGITS_POSITIONS_LAST:
      return LogitsPositions::kLast;
    case v1::LOGITS_POSITIONS_ALL:
      return LogitsPositions::kAll;
    default:
      return NotAValue(positions, field);
  }
}

absl::StatusOr<Ablation> FromProto(v1::Ablation ablation, absl::string_view field) {
  switch (ablation) {
    case v1::ABLATION_ZERO:
      return Ablation::kZero;
    case v1::ABLATION_MEAN:
      return Ablation::kMean;
    case v1::ABLATION_RESAMPLE:
      return Ablation::kResample;
    default:
      return NotAValue(ablation, field);
  }
}

absl::StatusOr<std::optional<Metric>> FromProto(v1::Metric metric, absl::string_view field) {
  switch (metric) {
    case v1::METRIC_UNSPECIFIED:
      return std::nullopt;
    case v1::METRIC_LOGIT_DIFF:
      return Metric::kLogitDiff;
    case v1::METRIC_PROB_DIFF:
      return Metric::kProbDiff;
    case v1::METRIC_KL_DIV:
      return Metric::kKlDiv;
    case v1::METRIC_NLL:
      return Metric::kNll;
    default:
      return NotAValue(metric, field);
  }
}

absl::StatusOr<MultiTokenAnswers> FromProto(v1::MultiTokenAnswers answers, absl::string_view field) {
  switch (answers) {
    case v1::MULTI_TOKEN_ANSWERS_UNSPECIFIED:
      return MultiTokenAnswers::kReject;
    case v1::MULTI_TOKEN_ANSWERS_FIRST_TOKEN:
      return MultiTokenAnswers::kFirstToken;
    default:
      return NotAValue(answers, field);
  }
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
