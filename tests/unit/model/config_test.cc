// Which configurations are read, and which refused by name.
#include "server/model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "tests/unit/model/tiny_model_files.h"

namespace circuitd {
namespace {

using ::testing::HasSubstr;

// Expects that TinyConfig's config.json with `more` is refused, with `message`.
void ExpectRefused(const std::string& more, const std::string& message) {
  const auto config = ParseModelConfig(TinyConfigJson(more));
  ASSERT_FALSE(config.ok()) << more;
  EXPECT_EQ(config.status().code(), absl::StatusCode::kFailedPrecondition) << more;
  EXPECT_THAT(std::string(config.status().message()), HasSubstr(message)) << more;
  EXPECT_TRUE(config.status().message().substr(0, 11) == "config.json") << config.status();
}

// The same for a text of its own.
void ExpectTextRefused(const std::string& text, const std::string& message) {
  const auto config = ParseModelConfig(text);
  ASSERT_FALSE(config.ok()) << text;
  EXPECT_EQ(config.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(config.status().message()), HasSubstr(message));
}

std::string WithDimension(const std::string& key, const std::string& value) {
  std::string text = TinyConfigJson();
  const size_t begin = text.find("\"" + key + "\"");
  const size_t end = text.find_first_of(",}", begin);
  return text.replace(begin, end - begin, "\"" + key + "\": " + value);
}

TEST(ConfigTest, TakesDefaultsForWhatOldFilesLack) {
  const auto config = ParseModelConfig(TinyConfigJson());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->n_layers, 2);
  EXPECT_EQ(config->n_heads, 2);
  EXPECT_EQ(config->d_model, 4);
  EXPECT_EQ(config->d_head, 2);
  EXPECT_EQ(config->d_mlp, 16);
  EXPECT_EQ(config->n_ctx, 5);
  EXPECT_EQ(config->d_vocab, 7);
  EXPECT_EQ(config->layer_norm_epsilon, 1e-5);
  EXPECT_EQ(config->activation, Activation::kGeluNew);
  EXPECT_TRUE(config->scale_attn_weights);
  EXPECT_FALSE(config->scale_attn_by_inverse_layer_idx);
  EXPECT_TRUE(config->tie_word_embeddings);
}

TEST(ConfigTest, ReadsEverySwitch) {
  const auto config = ParseModelConfig(TinyConfigJson(
      R"(, "n_inner": 12, "layer_norm_epsilon": 0.001, "activation_function": "gelu", "scale_attn_weights": false,
         "scale_attn_by_inverse_layer_idx": true, "tie_word_embeddings": false)"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->d_mlp, 12);
  EXPECT_EQ(config->layer_norm_epsilon, 0.001);
  EXPECT_EQ(config->activation, Activation::kGelu);
  EXPECT_FALSE(config->scale_attn_weights);
  EXPECT_TRUE(config->scale_attn_by_inverse_layer_idx);
  EXPECT_FALSE(config->tie_word_embeddings);
}

TEST(ConfigTest, AcceptsSettingsThatChangeNothing) {
  const auto config = ParseModelConfig(TinyConfigJson(
      R"(, "n_inner": null, "n_ctx": 5, "add_cross_attention": false, "reorder_and_upcast_attn": false,
         "quantization_config": null, "pruned_heads": {}, "resid_pdrop": 0.1, "architectures": ["GPT2LMHeadModel"],
         "task_specific_params": {"text-generation": {"max_length": 50}}, "position_embedding_type": "absolute")"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->d_mlp, 16);
}

TEST(ConfigTest, TakesContextLengthFromEitherSpelling) {
  const auto config = ParseModelConfig(
      R"({"model_type": "gpt2", "n_layer": 1, "n_head": 1, "n_embd": 2, "n_ctx": 9, "vocab_size": 3})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->n_ctx, 9);
}

TEST(ConfigTest, ReadsSharedModels) {
  for (const std::string name : {"nano-sort", "seqcont-4l"}) {
    std::ifstream file(CIRCUITD_SOURCE_DIR "/../shared/models/" + name + "/config.json");
    ASSERT_TRUE(file) << "the shared material's models/" << name << "/config.json is needed and not there";
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const auto config = ParseModelConfig(text);
    ASSERT_TRUE(config.ok()) << config.status();
    EXPECT_EQ(config->n_ctx, name == "nano-sort" ? 11 : 64);
    EXPECT_EQ(config->tie_word_embeddings, name != "nano-sort");
  }
}

TEST(ConfigTest, RefusesUnsupportedKeysByName) {
  ExpectRefused(R"(, "add_cross_attention": true)", "add_cross_attention is true");
  ExpectRefused(R"(, "reorder_and_upcast_attn": true)", "reorder_and_upcast_attn is true");
  ExpectRefused(R"(, "is_encoder_decoder": true)", "is_encoder_decoder is true");
  ExpectRefused(R"(, "quantization_config": {"load_in_8bit": true})", "quantization_config is set");
  ExpectRefused(R"(, "auto_map": {"AutoModel": "code.Model"})", "auto_map is set");
  ExpectRefused(R"(, "rope_scaling": {"type": "linear"})", "rope_scaling is set");
  ExpectRefused(R"(, "pruned_heads": {"1": [0]})", "pruned_heads is set");
  ExpectRefused(R"(, "position_embedding_type": "relative_key")", R"(position_embedding_type is "relative_key")");
  ExpectRefused(R"(, "activation_function": "relu")", R"(activation_function is "relu", must be "gelu_new" or "gelu")");
  ExpectRefused(R"(, "activation_function": null)", "activation_function is null");
}

TEST(ConfigTest, RefusesOtherModelTypes) {
  ExpectTextRefused(R"({"model_type": "llama"})", R"(model_type is "llama", must be "gpt2")");
  ExpectTextRefused(R"({"n_layer": 1})", R"(model_type is null, must be "gpt2")");
  ExpectTextRefused(R"({"model_type": ["gpt2"]})", "model_type is an array");
}

TEST(ConfigTest, RefusesAbsurdDimensions) {
  const std::pair<const char*, int> bounds[] = {
      {"n_layer", 1024}, {"n_head", 1024}, {"n_embd", 65'536}, {"n_positions", 1'048'576}, {"vocab_size", 4'194'304}};
  for (const auto& [key, bound] : bounds) {
    for (const char* value : {"0", "-1", "1000000000", "2.5", "2.0", "1e3", "\"4\"", "null", "true",
                              "18446744073709551615", "9223372036854775808", "-9223372036854775808", "1e30"}) {
      ExpectTextRefused(WithDimension(key, value), absl::StrCat(key, " is "));
      ExpectTextRefused(WithDimension(key, value), absl::StrCat(", must be an integer from 1 to ", bound));
    }
  }
  ExpectRefused(R"(, "n_inner": 0)", "n_inner is 0, must be an integer from 1 to 1048576");
  ExpectRefused(R"(, "n_inner": 1000000000)", "n_inner is 1000000000");
}

TEST(ConfigTest, RefusesMissingDimensions) {
  for (const std::string key : {"n_layer", "n_head", "n_embd", "n_positions", "vocab_size"}) {
    std::string text = TinyConfigJson();
    text.replace(text.find("\"" + key + "\""), key.size() + 2, "\"other\"");
    ExpectTextRefused(text, key + " is missing");
  }
}

TEST(ConfigTest, RefusesContradictions) {
  ExpectRefused(R"(, "n_ctx": 6)", "n_positions is 5 and n_ctx is 6, but both mean the same");
  ExpectRefused(R"(, "hidden_size": 8)", "n_embd is 4 and hidden_size is 8");
  ExpectTextRefused(WithDimension("n_head", "3"), "n_embd is 4, must be a multiple of n_head, 3");
}

TEST(ConfigTest, RefusesSwitchesThatAreNotBooleans) {
  for (const std::string key : {"scale_attn_weights", "scale_attn_by_inverse_layer_idx", "tie_word_embeddings",
                                "add_cross_attention", "reorder_and_upcast_attn"}) {
    ExpectRefused(", \"" + key + "\": 1", key + " is 1, must be true or false");
    ExpectRefused(", \"" + key + "\": null", key + " is null, must be true or false");
  }
}

TEST(ConfigTest, RefusesEpsilonOutsideItsRange) {
  for (const std::string value : {"0", "-1e-5", "1.5", "\"1e-5\"", "null"}) {
    ExpectRefused(", \"layer_norm_epsilon\": " + value, "layer_norm_epsilon is ");
  }
}

TEST(ConfigTest, RefusesHostileText) {
  ExpectTextRefused("", "is not JSON (at byte 1)");
  ExpectTextRefused("{\"model_type\": \"gpt2\"", "is not JSON");
  ExpectTextRefused("{\"model_type\": \"gp\xff\"}", "is not JSON");
  ExpectTextRefused(TinyConfigJson() + std::string("\0junk", 5), "is not JSON");
  ExpectTextRefused("[]", "is an array, must be an object");
  ExpectTextRefused(R"({"model_type": "gpt2", "model_type": "gpt2"})", R"(has the key "model_type" twice)");
  ExpectTextRefused(R"({"a": {"b": 1, "b": 2}})", R"(has the key "b" twice)");
  ExpectTextRefused("{\"a\": " + std::string(1'000'000, '['), "is not JSON");
  ExpectTextRefused("{\"a\": " + std::string(100'000, '[') + std::string(100'000, ']') + "}", "nests deeper than 16");
  ExpectTextRefused(R"({"layer_norm_epsilon": 1e999})", "out of range");
}

}  // namespace
}  // namespace circuitd
