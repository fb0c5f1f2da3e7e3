#include "tests/golden/analysis_golden.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "tests/golden/golden_files.h"

namespace circuitd {
namespace {

void FlattenInto(const nlohmann::json& numbers, double null, std::vector<double>& result) {
  if (numbers.is_array()) {
    for (const nlohmann::json& part : numbers) FlattenInto(part, null, result);
  } else {
    result.push_back(numbers.is_null() ? null : numbers.get<double>());
  }
}

bool Agree(double actual, double expected) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::abs(actual - expected) <= kAnalysisTolerance;
}

}  // namespace

absl::StatusOr<AnalysisGolden> LoadAnalysisGolden(const std::string& kind, const std::string& model) {
  AnalysisGolden golden;
  std::string folder = RepositoryPath(absl::StrCat("models/", model));
  if (model != "seqcont-demo") {
    ASSIGN_OR_RETURN(folder, SharedPath(absl::StrCat("models/", model)));
  }
  ASSIGN_OR_RETURN(golden.model, LoadFolder(folder));
  ASSIGN_OR_RETURN(golden.json, ReadJson(RepositoryPath(absl::StrCat("tests/golden/", kind, "_", model, ".json"))));
  for (const nlohmann::json& pair : golden.json["pairs"]) {
    golden.pairs.push_back({pair["clean"], pair["corrupted"], pair["correct"], pair["incorrect"], pair["roles"]});
  }
  return golden;
}

std::vector<std::vector<int>> CleanPrompts(const PromptPairs& pairs) {
  std::vector<std::vector<int>> prompts;
  for (const PromptPair& pair : pairs) prompts.push_back(pair.clean);
  return prompts;
}

std::vector<std::vector<int>> CorruptedPrompts(const PromptPairs& pairs) {
  std::vector<std::vector<int>> prompts;
  for (const PromptPair& pair : pairs) prompts.push_back(pair.corrupted);
  return prompts;
}

std::vector<PromptRoles> Roles(const PromptPairs& pairs) {
  std::vector<PromptRoles> roles;
  for (const PromptPair& pair : pairs) roles.push_back(pair.roles);
  return roles;
}

std::vector<Answer> Answers(const PromptPairs& pairs) {
  std::vector<Answer> answers;
  for (const PromptPair& pair : pairs) answers.push_back({pair.correct, pair.incorrect});
  return answers;
}

Metric MetricOf(const std::string& name) {
  static const auto& metrics = *new std::map<std::string, Metric>{{"logit_diff", Metric::kLogitDiff},
                                                                  {"prob_diff", Metric::kProbDiff},
                                                                  {"kl_div", Metric::kKlDiv},
                                                                  {"nll", Metric::kNll},
                                                                  {"rank", Metric::kRank},
                                                                  {"accuracy", Metric::kAccuracy}};
  return metrics.at(name);
}

std::vector<double> Flatten(const nlohmann::json& numbers, double null) {
  std::vector<double> result;
  FlattenInto(numbers, null, result);
  return result;
}

HostTensor TensorFrom(const nlohmann::json& json) {
  HostTensor tensor{DType::kFloat32, json["shape"], ""};
  for (const double value : Flatten(json["data"], -std::numeric_limits<double>::infinity())) {
    const auto element = static_cast<float>(value);
    tensor.data.append(reinterpret_cast<const char*>(&element), sizeof element);
  }
  return tensor;
}

std::vector<double> Elements(const HostTensor& tensor) {
  EXPECT_EQ(tensor.dtype, DType::kFloat32);
  std::vector<float> elements(tensor.data.size() / sizeof(float));
  std::memcpy(elements.data(), tensor.data.data(), elements.size() * sizeof(float));
  return {elements.begin(), elements.end()};
}

void ExpectNumbers(const std::string& name, const std::vector<double>& actual, const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), expected.size()) << name;
  size_t wrong = 0, first = 0;
  for (size_t i = 0; i < actual.size(); ++i) {
    if (Agree(actual[i], expected[i])) continue;
    if (wrong++ == 0) first = i;
  }
  EXPECT_EQ(wrong, 0u) << name << ": " << wrong << " of " << actual.size() << " numbers differ; number " << first
                       << " is " << actual[first] << ", expected " << expected[first];
}

}  // namespace circuitd
