// The metric of a run, and the answers that it is about.
#pragma once

#include <cstddef>
#include <string>

#include "CLI/App.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "circuitd/v1/metric.pb.h"
#include "circuitd/v1/prompt.pb.h"
#include "google/protobuf/repeated_ptr_field.h"

namespace circuitd::client {

// "logit_diff" of METRIC_LOGIT_DIFF.
std::string MetricName(v1::Metric metric);

// --metric. `default_text` says what it is without the option.
void AddMetricOption(CLI::App& app, v1::Metric& metric, const std::string& default_text);

// --correct and --incorrect.
class AnswerOptions {
 public:
  void AddTo(CLI::App& app);
  // One for each of `prompts` prompts, the i-th value the i-th prompt's, a single one every prompt's; none without the
  // options. INVALID_ARGUMENT for another number of values.
  absl::StatusOr<google::protobuf::RepeatedPtrField<v1::Answer>> Read(size_t prompts) const;
  bool given() const;

 private:
  CLI::Option* correct_ = nullptr;
  CLI::Option* incorrect_ = nullptr;
};

// --metric, --correct, --incorrect and --first-token, for calls that take their prompts one by one.
class MetricOptions {
 public:
  void AddTo(CLI::App& app);
  // Sets metric, answers and multi_token_answers of a ForwardRequest or RunPatchedRequest that has its prompts already.
  // Answers without a metric mean logit_diff.
  template <typename Request>
  absl::Status ApplyTo(Request& request) const;

 private:
  v1::Metric metric_ = v1::METRIC_UNSPECIFIED;
  AnswerOptions answers_;
  bool first_token_ = false;
};

}  // namespace circuitd::client
