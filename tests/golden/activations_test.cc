// Every hook point's activation and the logits, against other implementations of GPT-2.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "server/model/safetensors.h"
#include "tests/golden/activation_recorder.h"
#include "tests/golden/golden_files.h"

namespace circuitd {
namespace {

// Every hook point of the network, so that a golden file that lacks some is noticed.
std::set<std::string> Names(const Activations& activations) {
  std::set<std::string> names;
  for (const auto& [name, value] : activations) names.insert(name);
  return names;
}

// Takes out what the golden files don't have because it is something else once more: a layer's hook_{q,k,v}_input (the
// residual stream before it, for each head) and hook_mlp_in (hook_resid_mid).
void TakeOutCopies(int n_layers, Activations& activations) {
  for (int layer = 0; layer < n_layers; ++layer) {
    const std::string block = absl::StrCat("blocks.", layer, ".");
    const auto take = [&](const std::string& name) { return activations.extract(block + name).mapped(); };
    for (const char* name : {"hook_q_input", "hook_k_input", "hook_v_input"}) {
      const at::Tensor input = take(name);  // [batch, pos, n_heads, d_model]
      ExpectNear(block + name, input, activations.at(block + "hook_resid_pre").unsqueeze(2).expand_as(input), 0);
    }
    ExpectNear(block + "hook_mlp_in", take("hook_mlp_in"), activations.at(block + "hook_resid_mid"), 0);
  }
}

// One prompt of activations.safetensors, made by make_activations.py with Hugging Face transformers.
void CheckShippedModelsPrompt(const std::string& index) {
  const auto model = LoadFolder(RepositoryPath("models/seqcont-demo"));
  ASSERT_TRUE(model.ok()) << model.status();
  const auto golden = SafetensorsFile::Open(RepositoryPath("tests/golden/activations.safetensors"), "golden");
  ASSERT_TRUE(golden.ok()) << golden.status();
  const auto ids = (*model)->tokenizer()->Encode(golden->metadata().at(absl::StrCat("prompt/", index)));
  ASSERT_TRUE(ids.ok()) << ids.status();
  const at::Tensor tokens = at::tensor(at::ArrayRef<int>(*ids), at::kLong).unsqueeze(0);
  Activations actual = RecordActivations(**model, tokens);
  TakeOutCopies((*model)->config().n_layers, actual);
  actual["tokens"] = tokens;

  std::set<std::string> in_golden;
  for (const auto& [name, entry] : golden->tensors()) {
    const std::string prefix = absl::StrCat(index, "/");
    if (name.compare(0, prefix.size(), prefix) != 0) continue;
    const std::string hook = name.substr(prefix.size());
    in_golden.insert(hook);
    ASSERT_EQ(actual.count(hook), 1u) << hook;
    ExpectNear(name, actual[hook], FromHost(*golden->Read(name)), 1e-4);
  }
  EXPECT_EQ(in_golden, Names(actual));
}

TEST(ActivationsTest, MatchTransformersOnTheShippedModel) { CheckShippedModelsPrompt("0"); }
TEST(ActivationsTest, MatchTransformersOnAShorterPrompt) { CheckShippedModelsPrompt("1"); }

TEST(ActivationsTest, MatchTheReferenceOnSeqcont4l) {
  const auto folder = SharedPath("models/seqcont-4l");
  ASSERT_TRUE(folder.ok()) << folder.status();
  const auto path = SharedPath("golden/activations_seqcont-4l.safetensors");
  ASSERT_TRUE(path.ok()) << path.status();
  const auto model = LoadFolder(*folder);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto golden = SafetensorsFile::Open(*path, "golden");
  ASSERT_TRUE(golden.ok()) << golden.status();

  const at::Tensor tokens = FromHost(*golden->Read("tokens"));
  Activations actual = RecordActivations(**model, tokens);
  TakeOutCopies((*model)->config().n_layers, actual);
  actual["logits_last"] = actual["logits"].select(1, -1);
  actual["tokens"] = tokens;
  for (const auto& [name, entry] : golden->tensors()) {
    ASSERT_EQ(actual.count(name), 1u) << name;
    const at::Tensor expected = FromHost(*golden->Read(name));
    ExpectNear(name, actual[name], expected, 1e-4);
  }
  std::set<std::string> names = Names(actual);
  names.erase("logits");
  EXPECT_EQ(golden->tensors().size(), names.size());
}

at::Tensor FromJson(const nlohmann::json& tensor) {
  std::vector<double> values;
  for (const nlohmann::json& value : tensor["data"]) {
    values.push_back(value.is_null() ? -std::numeric_limits<double>::infinity() : value.get<double>());
  }
  return at::tensor(values, at::kDouble).view(tensor["shape"].get<std::vector<int64_t>>());
}

// A model that somebody else trained, with an odd vocabulary and an unembedding of its own.
TEST(ActivationsTest, MatchThePublishedValuesOfNanoSort) {
  const auto folder = SharedPath("models/nano-sort");
  ASSERT_TRUE(folder.ok()) << folder.status();
  const auto model = LoadFolder(*folder);
  ASSERT_TRUE(model.ok()) << model.status();
  const auto json = ReadJson(*folder + "/expected.json");
  ASSERT_TRUE(json.ok()) << json.status();

  std::vector<int64_t> ids;
  for (const nlohmann::json& row : (*json)["tokens"]) ids.insert(ids.end(), row.begin(), row.end());
  const auto prompts = static_cast<int64_t>((*json)["tokens"].size());
  Activations a = RecordActivations(**model, at::tensor(ids, at::kLong).view({prompts, -1}));
  const auto block = [&](const std::string& name) { return a.at("blocks.0." + name); };
  const auto by_head = [&](const std::string& name) { return block(name).transpose(1, 2); };  // [B, H, T, d]
  const auto joined = [&](const std::string& name) { return block(name).flatten(2); };        // [B, T, H * d]
  const std::map<std::string, at::Tensor> actual = {
      {"tok_emb", a.at("hook_embed")},
      {"pos_emb", a.at("hook_pos_embed").narrow(0, 0, 1)},
      {"x", block("hook_resid_pre")},
      {"ln1", block("ln1.hook_normalized")},
      {"q", by_head("attn.hook_q")},
      {"k", by_head("attn.hook_k")},
      {"v", by_head("attn.hook_v")},
      {"qkv", at::cat({joined("attn.hook_q"), joined("attn.hook_k"), joined("attn.hook_v")}, -1)},
      {"att", block("attn.hook_attn_scores")},
      {"attSm", block("attn.hook_pattern")},
      {"y", joined("attn.hook_z")},
      {"yProj", block("hook_attn_out")},
      {"attnResid", block("hook_resid_mid")},
      {"ln2", block("ln2.hook_normalized")},
      {"fc", block("mlp.hook_pre")},
      {"gelu", block("mlp.hook_post")},
      {"mlp", block("hook_mlp_out")},
      {"mlpResid", block("hook_resid_post")},
      {"block0", block("hook_resid_post")},
      {"block1", a.at("blocks.1.hook_resid_post")},
      {"block2", a.at("blocks.2.hook_resid_post")},
      {"ln_f", a.at("ln_final.hook_normalized")},
      {"lm_head", a.at("logits")},
      {"probs", a.at("logits").softmax(-1)},
  };
  EXPECT_EQ((*json)["expected"].size(), actual.size());
  for (const auto& [name, expected] : (*json)["expected"].items()) {
    ASSERT_EQ(actual.count(name), 1u) << name;
    ExpectNear(name, actual.at(name), FromJson(expected), 1e-5);
  }
}

}  // namespace
}  // namespace circuitd
