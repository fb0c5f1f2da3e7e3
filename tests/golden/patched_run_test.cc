// Interventions of every kind at every kind of hook point, against TransformerLens with forward hooks.
#include "server/patching/patched_run.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/golden/analysis_golden.h"

namespace circuitd {
namespace {

using nlohmann::json;

std::vector<int> Ints(const json& spec, const char* key) {
  return spec.contains(key) ? spec[key].get<std::vector<int>>() : std::vector<int>{};
}

Intervention InterventionOf(const json& spec, const ModelConfig& config) {
  Intervention intervention;
  const auto hook = ParseHookPoint(spec["hook"].get<std::string>(), config.n_layers);
  EXPECT_TRUE(hook.ok()) << hook.status();
  intervention.hook = *hook;
  intervention.heads = Ints(spec, "heads");
  intervention.positions.indices = Ints(spec, "positions");
  if (spec.contains("roles")) intervention.positions.roles = spec["roles"].get<std::vector<std::string>>();
  intervention.key_positions.indices = Ints(spec, "key_positions");
  const std::string action = spec["action"];
  if (action == "set") {
    intervention.action = SetTo{TensorFrom(spec["value"])};
  } else if (action == "add") {
    intervention.action = AddVector{TensorFrom(spec["value"]), spec.value("coefficient", 1.0)};
  } else if (action == "scale") {
    intervention.action = ScaleBy{spec["value"].get<double>()};
  } else {
    intervention.action = action == "zero" ? Ablation::kZero : action == "mean" ? Ablation::kMean : Ablation::kResample;
  }
  return intervention;
}

// The run of a case of the golden file, on the clean prompts with the corrupted ones as sources.
PatchedRunRequest RequestOf(const json& run, const std::string& metric, const AnalysisGolden& golden) {
  PatchedRunRequest request;
  request.prompts = CleanPrompts(golden.pairs);
  request.roles = Roles(golden.pairs);
  request.source_prompts = CorruptedPrompts(golden.pairs);
  for (const json& spec : run["interventions"]) {
    request.interventions.push_back(InterventionOf(spec, golden.model->config()));
  }
  request.metric = MetricOf(metric);
  if (NeedsAnswers(*request.metric)) request.answers = Answers(golden.pairs);
  request.logits.chosen_tokens = golden.json["chosen_tokens"].get<std::vector<int>>();
  return request;
}

absl::Status NoTensors(std::string name, HostTensor) { return absl::InternalError(name + " was not asked for"); }

class PatchedRunGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(PatchedRunGoldenTest, HasTheLogitsAndMetricsOfTransformerLens) {
  const auto golden = LoadAnalysisGolden("patching", GetParam());
  ASSERT_TRUE(golden.ok()) << golden.status();
  const json& unpatched = golden->json["unpatched_metrics"];
  auto metric = unpatched.begin();  // each case another one, in turn
  ASSERT_FALSE(golden->json["patched_runs"].empty());
  for (const json& run : golden->json["patched_runs"]) {
    SCOPED_TRACE(run["name"].get<std::string>());
    const PatchedRunRequest request = RequestOf(run, metric.key(), *golden);
    const absl::Status valid = ValidatePatchedRun(golden->model->config(), request);
    EXPECT_TRUE(valid.ok()) << valid;
    if (!valid.ok()) continue;
    const auto result = RunPatched(*golden->model, request, {}, NoTensors);
    EXPECT_TRUE(result.ok()) << result.status();
    if (!result.ok()) continue;

    std::vector<double> logits, log_probs;
    for (const PromptLogits& prompt : result->prompts) {
      for (const TokenLogit& entry : prompt.chosen) {
        logits.push_back(entry.logit);
        log_probs.push_back(entry.log_prob);
      }
    }
    ExpectNumbers("logits", logits, Flatten(run["logits"]));
    ExpectNumbers("log probs", log_probs, Flatten(run["log_probs"]));
    ASSERT_TRUE(result->metric.has_value());
    ExpectNumbers("patched " + metric.key(), result->metric->patched, Flatten(run["metrics"][metric.key()]));
    ExpectNumbers("unpatched " + metric.key(), result->metric->unpatched, Flatten(*metric));
    if (++metric == unpatched.end()) metric = unpatched.begin();
  }
}

// Every metric of two cases, the first and the last.
TEST_P(PatchedRunGoldenTest, HasEveryMetricOfTransformerLens) {
  const auto golden = LoadAnalysisGolden("patching", GetParam());
  ASSERT_TRUE(golden.ok()) << golden.status();
  for (const json& run : {golden->json["patched_runs"].front(), golden->json["patched_runs"].back()}) {
    for (const auto& [name, expected] : run["metrics"].items()) {
      const PatchedRunRequest request = RequestOf(run, name, *golden);
      const auto result = RunPatched(*golden->model, request, {}, NoTensors);
      ASSERT_TRUE(result.ok()) << result.status();
      ASSERT_TRUE(result->metric.has_value());
      ExpectNumbers(name, result->metric->patched, Flatten(expected));
      ExpectNumbers("unpatched " + name, result->metric->unpatched, Flatten(golden->json["unpatched_metrics"][name]));
    }
  }
}

TEST_P(PatchedRunGoldenTest, HasTheMetricsOfTransformerLensWithoutInterventions) {
  const auto golden = LoadAnalysisGolden("patching", GetParam());
  ASSERT_TRUE(golden.ok()) << golden.status();
  for (const auto& [name, expected] : golden->json["unpatched_metrics"].items()) {
    if (name == "kl_div") continue;
    ForwardRequest request;
    request.prompts = CleanPrompts(golden->pairs);
    request.answers = Answers(golden->pairs);
    request.metric = MetricOf(name);
    const auto result = RunForward(*golden->model, request, {}, NoTensors);
    ASSERT_TRUE(result.ok()) << result.status();
    ExpectNumbers(name, result->metric, Flatten(expected));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, PatchedRunGoldenTest, testing::ValuesIn(AnalysisModels()), ModelTestName);

}  // namespace
}  // namespace circuitd
