#include "server/service/convert.h"

#include "base/status.h"
#include "server/service/enum_value.h"

namespace circuitd {

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

static v1::DatasetFormat ToProto(FileFormat format) {
  switch (format) {
    case FileFormat::kPairs:
      return v1::DATASET_FORMAT_PAIRS;
    case FileFormat::kPublished:
      return v1::DATASET_FORMAT_PUBLISHED;
    case FileFormat::kCircuit:
      return v1::DATASET_FORMAT_CIRCUIT;
  }
  return v1::DATASET_FORMAT_UNSPECIFIED;
}

v1::Dataset ToProto(const StoredDataset& dataset) {
  v1::Dataset proto;
  proto.set_sha256(dataset.sha256);
  proto.set_format(ToProto(dataset.format));
  proto.set_size_bytes(dataset.bytes.size());
  proto.set_prompt_count(dataset.prompt_count);
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

absl::StatusOr<FileFormat> FromProto(v1::DatasetFormat format, absl::string_view field) {
  switch (format) {
    case v1::DATASET_FORMAT_PAIRS:
      return FileFormat::kPairs;
    case v1::DATASET_FORMAT_PUBLISHED:
      return FileFormat::kPublished;
    case v1::DATASET_FORMAT_CIRCUIT:
      return FileFormat::kCircuit;
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
    case v1::METRIC_RANK:
      return Metric::kRank;
    case v1::METRIC_ACCURACY:
      return Metric::kAccuracy;
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

}  // namespace circuitd
