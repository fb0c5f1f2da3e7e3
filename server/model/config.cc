#include "server/model/config.h"

#include <cmath>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "server/model/strict_json.h"

namespace circuitd {
namespace {

using nlohmann::json;

// Far above any GPT-2; whether the weights have these sizes is checked against their file before memory is taken.
constexpr int kMaxLayers = 1024;
constexpr int kMaxHeads = 1024;
constexpr int kMaxWidth = 65'536;
constexpr int kMaxMlpWidth = 1'048'576;
constexpr int kMaxPositions = 1'048'576;
constexpr int kMaxVocabulary = 4'194'304;

template <typename... Parts>
absl::Status ConfigError(const Parts&... parts) {
  return absl::FailedPreconditionError(absl::StrCat("config.json: ", parts...));
}

// The key's value; null when it is missing.
const json& ValueOf(const json& config, const char* key) {
  static const json missing;
  const auto found = config.find(key);
  return found == config.end() ? missing : *found;
}

absl::StatusOr<int> Integer(const json& value, const char* key, int max) {
  if (!value.is_number_integer() || value < 1 || value > max) {
    return ConfigError(key, " is ", ShowJson(value), ", must be an integer from 1 to ", max);
  }
  return value.get<int>();
}

// `aliases` are other spellings that transformers accepts for `key`; those that are there must agree.
absl::StatusOr<int> Dimension(const json& config, std::initializer_list<const char*> spellings, int max) {
  const char* first_key = nullptr;
  int first_value = 0;
  for (const char* key : spellings) {
    if (!config.contains(key)) continue;
    ASSIGN_OR_RETURN(const int value, Integer(config[key], key, max));
    if (first_key != nullptr && value != first_value) {
      return ConfigError(first_key, " is ", first_value, " and ", key, " is ", value, ", but both mean the same");
    }
    first_key = key;
    first_value = value;
  }
  if (first_key == nullptr) return ConfigError(*spellings.begin(), " is missing");
  return first_value;
}

absl::StatusOr<bool> Switch(const json& config, const char* key, bool default_value) {
  if (!config.contains(key)) return default_value;
  const json& value = config[key];
  if (!value.is_boolean()) return ConfigError(key, " is ", ShowJson(value), ", must be true or false");
  return value.get<bool>();
}

// Keys that change a model's numbers in ways that are not computed here.
absl::Status RefuseUnsupported(const json& config) {
  for (const char* key : {"add_cross_attention", "reorder_and_upcast_attn", "is_encoder_decoder"}) {
    ASSIGN_OR_RETURN(const bool value, Switch(config, key, false));
    if (value) return ConfigError(key, " is true, which is not supported");
  }
  for (const char* key : {"quantization_config", "auto_map", "rope_scaling"}) {
    const json& value = ValueOf(config, key);
    if (!value.is_null()) return ConfigError(key, " is set, which is not supported");
  }
  const json& pruned = ValueOf(config, "pruned_heads");
  if (!pruned.is_null() && !pruned.empty()) return ConfigError("pruned_heads is set, which is not supported");
  const json& positions = ValueOf(config, "position_embedding_type");
  if (!positions.is_null() && positions != "absolute") {
    return ConfigError("position_embedding_type is ", ShowJson(positions), ", must be \"absolute\"");
  }
  return absl::OkStatus();
}

absl::StatusOr<Activation> ReadActivation(const json& config) {
  if (!config.contains("activation_function")) return Activation::kGeluNew;
  const json& value = config["activation_function"];
  if (value == "gelu_new") return Activation::kGeluNew;
  if (value == "gelu") return Activation::kGelu;
  return ConfigError("activation_function is ", ShowJson(value), ", must be \"gelu_new\" or \"gelu\"");
}

absl::StatusOr<double> ReadEpsilon(const json& config) {
  if (!config.contains("layer_norm_epsilon")) return 1e-5;
  const json& value = config["layer_norm_epsilon"];
  if (!value.is_number() || !(value.get<double>() > 0 && value.get<double>() <= 1)) {
    return ConfigError("layer_norm_epsilon is ", ShowJson(value), ", must be a number above 0 and at most 1");
  }
  return value.get<double>();
}

}  // namespace

absl::StatusOr<ModelConfig> ParseModelConfig(absl::string_view text) {
  ASSIGN_OR_RETURN(const json config, ParseStrictJson(text, "config.json"));
  if (!config.is_object()) return ConfigError("is ", ShowJson(config), ", must be an object");
  if (ValueOf(config, "model_type") != "gpt2") {
    return ConfigError("model_type is ", ShowJson(ValueOf(config, "model_type")), ", must be \"gpt2\"");
  }
  RETURN_IF_ERROR(RefuseUnsupported(config));

  ModelConfig result;
  ASSIGN_OR_RETURN(result.n_layers, Dimension(config, {"n_layer", "num_hidden_layers"}, kMaxLayers));
  ASSIGN_OR_RETURN(result.n_heads, Dimension(config, {"n_head", "num_attention_heads"}, kMaxHeads));
  ASSIGN_OR_RETURN(result.d_model, Dimension(config, {"n_embd", "hidden_size"}, kMaxWidth));
  ASSIGN_OR_RETURN(result.n_ctx, Dimension(config, {"n_positions", "n_ctx", "max_position_embeddings"}, kMaxPositions));
  ASSIGN_OR_RETURN(result.d_vocab, Dimension(config, {"vocab_size"}, kMaxVocabulary));
  if (result.d_model % result.n_heads != 0) {
    return ConfigError("n_embd is ", result.d_model, ", must be a multiple of n_head, ", result.n_heads);
  }
  result.d_head = result.d_model / result.n_heads;
  result.d_mlp = 4 * result.d_model;
  if (const json& n_inner = ValueOf(config, "n_inner"); !n_inner.is_null()) {
    ASSIGN_OR_RETURN(result.d_mlp, Integer(n_inner, "n_inner", kMaxMlpWidth));
  }
  ASSIGN_OR_RETURN(result.layer_norm_epsilon, ReadEpsilon(config));
  ASSIGN_OR_RETURN(result.activation, ReadActivation(config));
  ASSIGN_OR_RETURN(result.scale_attn_weights, Switch(config, "scale_attn_weights", true));
  ASSIGN_OR_RETURN(result.scale_attn_by_inverse_layer_idx, Switch(config, "scale_attn_by_inverse_layer_idx", false));
  ASSIGN_OR_RETURN(result.tie_word_embeddings, Switch(config, "tie_word_embeddings", true));
  return result;
}

}  // namespace circuitd
