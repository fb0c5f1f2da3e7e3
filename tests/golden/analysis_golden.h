// Golden values of patching and readings: files made by make_patching.py and make_readings.py.
#pragma once

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/model/host_tensor.h"
#include "server/model/metric.h"
#include "server/model/model.h"
#include "server/model/prompt_pair.h"

namespace circuitd {

inline constexpr double kAnalysisTolerance = 1e-4;

// What the goldens were made with: the shipped model, and one of the shared material.
inline const std::vector<std::string>& AnalysisModels() {
  static const auto& names = *new std::vector<std::string>{"seqcont-demo", "seqcont-4l"};
  return names;
}

// A model's name as tests may be called.
inline std::string ModelTestName(const testing::TestParamInfo<std::string>& info) {
  return info.param == "seqcont-demo" ? "SeqcontDemo" : "Seqcont4l";
}

struct AnalysisGolden {
  std::shared_ptr<const Model> model;
  nlohmann::json json;
  PromptPairs pairs;
};
// "patching" or "readings" of one of AnalysisModels().
absl::StatusOr<AnalysisGolden> LoadAnalysisGolden(const std::string& kind, const std::string& model);

std::vector<std::vector<int>> CleanPrompts(const PromptPairs& pairs);
std::vector<std::vector<int>> CorruptedPrompts(const PromptPairs& pairs);
std::vector<PromptRoles> Roles(const PromptPairs& pairs);
std::vector<Answer> Answers(const PromptPairs& pairs);

Metric MetricOf(const std::string& name);

// The numbers of nested lists, row-major; `null` stands in for null.
std::vector<double> Flatten(const nlohmann::json& numbers, double null = std::numeric_limits<double>::quiet_NaN());
// float32, of {"shape", "data"}; null is minus infinity.
HostTensor TensorFrom(const nlohmann::json& json);
// The elements of a float32 tensor.
std::vector<double> Elements(const HostTensor& tensor);

// Fails the current test, naming `name` and the place, unless both have as many numbers, NaN and infinities at the same
// places, and elsewhere numbers that differ by at most kAnalysisTolerance.
void ExpectNumbers(const std::string& name, const std::vector<double>& actual, const std::vector<double>& expected);

}  // namespace circuitd
